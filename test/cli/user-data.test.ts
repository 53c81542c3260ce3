import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
// Loaded beforehand: the SDK's modules take longer than a test.
import "../../cli/bundle-connection.ts";
import { run } from "../../cli/run.ts";
import { formatUserData, packMachineScripts } from "../../infra/machine-user-data.ts";
import { bundlePlaceParameter } from "../../lambdas/config/bundle-place.ts";
import { binaryKey } from "../../lambdas/config/keys.ts";
import { isolateSdk } from "../../rehearsal/world/sdk-environment.ts";
import {
  bucket,
  type BundleAccount,
  createBundleAccount,
  region,
} from "../lambdas/config/bundle-account.ts";

const roleId = "AROAEXAMPLEEXAMPLE123";
const { sha256, archive } = packMachineScripts();

let putBack = () => {};
before(() => {
  putBack = isolateSdk();
  process.env["AWS_REGION"] = region;
});
after(() => {
  delete process.env["AWS_REGION"];
  putBack();
});

let account: BundleAccount;
beforeEach(() => {
  account = createBundleAccount();
});

const userData = async (...args: readonly string[]) => {
  let out = "";
  let error = "";
  const code = await run(
    ["user-data", "--pool", "workers", ...args],
    { out: (text) => (out += text), error: (text) => (error += text) },
    { clock: account.clock, awsHandler: account.handler() },
  );
  return { code, out, error };
};

const words = (line: string): string[] => line.split(" ");

describe("drover user-data", () => {
  it("prints what a machine of the pool needs, and stores what it fetches first", async () => {
    const { code, out, error } = await userData("--role-id", roleId);
    assert.deepEqual([code, error], [0, ""]);
    assert.equal(
      out,
      formatUserData(
        { pool: "workers", cluster: "default", bucket, region, roleId },
        account.kms.publicKey(account.key),
        sha256,
      ),
    );
    const stored = account.s3.get(bucket, binaryKey(sha256));
    assert.ok(Buffer.from(stored?.content.bytes ?? []).equals(archive));
  });

  it("writes nothing when the scripts are there: a viewer may call it", async () => {
    account.s3.put(bucket, binaryKey(sha256), archive);
    const written = account.contents();
    const { out } = await userData("--role-id", roleId, "--json");
    const report = JSON.parse(out) as Record<string, unknown>;
    assert.deepEqual(account.contents(), written);
    assert.equal(report["stored"], false);
    assert.equal(report["scripts"], sha256);
    assert.match(String(report["userData"]), /^#!\/bin\/sh\n/);
  });

  it("says everything that it is told", async () => {
    const { out } = await userData(
      ...words(`--role-id ${roleId} --serial-floor 42 --assignment wait --boot-seconds 300`),
    );
    assert.match(out, /^DROVER_SERIAL_FLOOR=42$/m);
    assert.match(out, /^DROVER_ASSIGNMENT=wait$/m);
    assert.match(out, /^DROVER_BOOT_SECONDS=300$/m);
  });

  it("has all keys that machines believe, the one that signs first", async () => {
    const next = account.kms.createKey();
    account.ssm.put(
      bundlePlaceParameter("default"),
      JSON.stringify({ bucket, key: next, trustedKeys: [next, account.key] }),
    );
    const { out } = await userData("--role-id", roleId);
    const [first, second] = [next, account.key].map((key) => account.kms.publicKey(key).trim());
    assert.ok(out.includes(`${first}\n${second}\nEND\n`), out);
  });

  it("refuses all that is not right at once, and stores nothing", async () => {
    const { code, error } = await userData(
      ...words("--role-id workers --serial-floor -1 --boot-seconds soon"),
    );
    assert.equal(code, 2);
    assert.match(error, /--role-id workers: .*aws iam get-role/);
    assert.match(error, /--serial-floor -1: /);
    assert.match(error, /--boot-seconds soon: /);
    assert.deepEqual(account.contents(), {});
  });

  it("tells where it looked when there is no store", async () => {
    const { code, error } = await userData("--role-id", roleId, "--cluster", "eu");
    assert.equal(code, 2);
    assert.match(error, /no parameter \/drover\/eu\/bundles in eu-west-1/);
  });
});
