import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { parameterSwitches, type Switches } from "../../../lambdas/clients/switches.ts";
import { parseSettings } from "../../../lambdas/runtime/settings.ts";
import { type Bench, startBench } from "../bench.ts";

let bench: Bench;
let switches: Switches;
beforeEach(async () => {
  bench = await startBench();
  const settings = parseSettings("records", bench.surroundings.env);
  switches = parameterSwitches(bench.surroundings, settings);
});
afterEach(() => bench.end());

const stop = "/drover/default/stop";
const pool = "/drover/default/pools/workers";
const isStopped = () => bench.settle(switches.isStopped());
const read = () => bench.settle(switches.read("workers"));

describe("the stop parameter", () => {
  test("holds within half a minute, and is read no more often", async () => {
    assert.equal(await isStopped(), false);
    bench.ssm.put(stop, "stop");
    await bench.pass(29);
    assert.equal(await isStopped(), false);
    await bench.pass(1);
    assert.equal(await isStopped(), true);
    assert.equal(bench.operations("ssm").length, 2);
  });

  test("may have white space about it, as a person types it", async () => {
    bench.ssm.put(stop, " stop\n");
    assert.equal(await isStopped(), true);
  });

  for (const value of ["", "Stop", "true", "yes", "Go!"]) {
    test(`stops everything as ${JSON.stringify(value)}: only "go" lets it go on`, async () => {
      bench.ssm.put(stop, value);
      assert.equal(await isStopped(), true);
    });
  }

  test("stops everything when it is missing", async () => {
    bench.ssm.remove(stop);
    assert.equal(await isStopped(), true);
  });
});

describe("the settings of a pool", () => {
  test("come with the stop parameter in one call", async () => {
    bench.ssm.put(pool, '{"slots":2,"onDrainFailure":"retain"}');
    bench.ssm.put(stop, "stop");
    const { settings, stopped } = await read();
    assert.deepEqual([settings.slots, settings.onDrainFailure, stopped], [2, "retain", true]);
    assert.equal(settings.drainDeadlineSeconds, 1800);
    assert.deepEqual(bench.operations("ssm"), ["GetParameters"]);
  });

  test("are the defaults where a group joined by its tag alone", async () => {
    assert.equal((await read()).settings.drainDeadlineSeconds, 1800);
  });

  test("are read anew each time", async () => {
    await read();
    bench.ssm.put(pool, '{"slots":7}');
    assert.equal((await read()).settings.slots, 7);
  });

  for (const [title, value, fault] of [
    ["no JSON", "slots: 2", /it is no JSON/],
    ["an unknown field", '{"slot":2}', /slot: there is no such field/],
    ["all that is wrong", '{"slots":0,"observeOnly":1}', /slots: .*; observeOnly: /],
  ] as const) {
    test(`are refused by the name of the parameter: ${title}`, async () => {
      bench.ssm.put(pool, value);
      await assert.rejects(read(), (error: Error) => {
        assert.equal(error.name, "SettingsRefused");
        assert.match(error.message, /the parameter \/drover\/default\/pools\/workers is not right/);
        assert.match(error.message, fault);
        return true;
      });
    });
  }
});
