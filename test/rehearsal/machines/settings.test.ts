import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatUserData } from "../../../infra/machine-user-data.ts";
import { synthesizeReference } from "../../../infra/reference-app.ts";
import { parseUserData } from "../../../rehearsal/machines/settings.ts";
import { readMachineSpecs } from "../../../rehearsal/world/machine-specs.ts";
import { account, region } from "../../../rehearsal/world.ts";

const key = (text: string) => `-----BEGIN PUBLIC KEY-----\n${text}\n-----END PUBLIC KEY-----`;

describe("what an emulated machine knows", () => {
  it("is what its user data writes", () => {
    const settings = {
      pool: "workers",
      cluster: "default",
      bucket: "bundles",
      region,
      roleId: "AROAEXAMPLE",
      serialFloor: 7,
      assignment: "wait",
      bootSeconds: 600,
    } as const;
    const script = formatUserData(settings, `${key("one")}\n${key("two")}`, "a".repeat(64));
    const { cluster: _, ...known } = settings;
    assert.deepEqual(parseUserData(script), { ...known, publicKeys: [key("one"), key("two")] });
    assert.equal(parseUserData("#!/bin/sh\nexec /usr/bin/own-boot\n"), undefined);
  });

  it("is read from the launch template of its group, with its role", () => {
    const place = { region, account, stackName: "Drover" };
    const options = { pools: [{ pool: "workers" }, { pool: "batch" }] };
    const { template } = synthesizeReference({ bundles: true, ...options });
    const specs = readMachineSpecs(template, place, key);
    assert.deepEqual(
      specs.map(({ settings }) => settings.pool),
      ["workers", "batch"],
    );
    for (const { role, settings } of specs) {
      assert.equal(template.Resources[role]?.Type, "AWS::IAM::Role");
      assert.match(settings.roleId, /^AROA[0-9A-F]{17}$/);
      assert.match(settings.publicKeys[0] ?? "", /^-----BEGIN PUBLIC KEY-----\narn:aws:kms:/);
    }
    assert.deepEqual(readMachineSpecs(synthesizeReference(options).template, place, key), []);
  });
});
