import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseSettings } from "../../../lambdas/runtime/settings.ts";

const records = {
  DROVER_CLUSTER: "default",
  DROVER_TABLE: "records",
  DROVER_STOP_PARAMETER: "/drover/default/stop",
  DROVER_POOL_PARAMETERS: "/drover/default/pools/",
  DROVER_CLUSTER_SLOTS: "3",
};
const cluster = {
  DROVER_CLUSTER: "default",
  NOMAD_ADDR: "https://nomad.internal:4646",
  NOMAD_REGION: "global",
};

const faultsOf = (kind: "records" | "intake" | "cluster", env: Record<string, string>): string => {
  try {
    parseSettings(kind, env);
    return "";
  } catch (error) {
    assert.equal((error as Error).name, "SettingsRefused");
    return (error as Error).message;
  }
};

describe("the environment of a function", () => {
  test("is parsed into what it stands for", () => {
    assert.equal(parseSettings("records", records).DROVER_CLUSTER_SLOTS, 3);
    const { NOMAD_ADDR } = parseSettings("cluster", cluster);
    assert.deepEqual([NOMAD_ADDR.hostname, NOMAD_ADDR.port], ["nomad.internal", "4646"]);
  });

  test("needs a state machine where executions are started", () => {
    assert.match(faultsOf("intake", records), /DROVER_STATE_MACHINE/);
    assert.equal(faultsOf("intake", { ...records, DROVER_STATE_MACHINE: "arn" }), "");
  });

  test("needs neither Consul nor tokens", () => {
    const settings = parseSettings("cluster", cluster);
    assert.equal(settings.CONSUL_HTTP_ADDR, undefined);
    assert.equal(settings.NOMAD_TOKEN_SECRET, undefined);
  });

  test("tells everything that is wrong at once", () => {
    const faults = faultsOf("records", { DROVER_CLUSTER: "default", DROVER_CLUSTER_SLOTS: "many" });
    for (const name of [
      "DROVER_TABLE",
      "DROVER_STOP_PARAMETER",
      "DROVER_POOL_PARAMETERS",
      "DROVER_CLUSTER_SLOTS",
    ])
      assert.match(faults, new RegExp(`${name}: `));
  });

  for (const slots of ["0", "-1", "1.5", "", "three"]) {
    test(`has no ${JSON.stringify(slots)} slots`, () => {
      assert.match(
        faultsOf("records", { ...records, DROVER_CLUSTER_SLOTS: slots }),
        /DROVER_CLUSTER_SLOTS/,
      );
    });
  }

  for (const address of [
    "nomad.internal:4646",
    "nomad.internal",
    "tcp://nomad.internal:4646",
    "",
  ]) {
    test(`has no address ${JSON.stringify(address)}`, () => {
      assert.match(
        faultsOf("cluster", { ...cluster, NOMAD_ADDR: address }),
        /NOMAD_ADDR: has to be a URL such as https:\/\/nomad\.internal:4646/,
      );
      assert.match(
        faultsOf("cluster", { ...cluster, CONSUL_HTTP_ADDR: address }),
        /CONSUL_HTTP_ADDR: /,
      );
    });
  }
});
