import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { renderPublishReport } from "../../cli/commands/render-publish-report.ts";
import { run } from "../../cli/run.ts";
import { publishFaults } from "../../rehearsal/publishing/faults.ts";
import type { PublishReport } from "../../rehearsal/scenarios/publish.ts";

const drover = async (...args: string[]) => {
  let out = "";
  let error = "";
  const code = await run(args, {
    out: (text) => (out += text),
    error: (text) => (error += text),
  });
  return { code, out, error };
};

describe("drover rehearse publish", () => {
  test("--json prints one document of the promised shape, and nothing else", async () => {
    const { code, out, error } = await drover("rehearse", "publish", "--seed", "3", "--json");
    assert.equal(code, 0);
    assert.equal(error, "");
    const report = JSON.parse(out) as PublishReport;
    assert.deepEqual(Object.keys(report), [
      "scenario",
      "seed",
      "pool",
      "bundles",
      "virtualSeconds",
      "wallSeconds",
      "timeline",
      "channel",
      "machines",
      "invariants",
    ]);
    assert.deepEqual([report.scenario, report.seed, report.pool], ["publish", 3, "workers"]);
    assert.equal(report.machines.length, 10);
    for (const machine of report.machines) {
      assert.deepEqual(Object.keys(machine), [
        "instanceId",
        "wave",
        "assigned",
        "bundle",
        "serial",
        "state",
        "isReady",
        "isOutdated",
      ]);
      assert.match(machine.instanceId, /^i-[0-9a-f]{17}$/);
    }
    assert.deepEqual(
      report.invariants.map(({ name, held }) => [name, held]),
      [
        ["channel-points-to-verified-bundle", true],
        ["no-machine-runs-unsigned", true],
        ["candidate-only-where-assigned", true],
      ],
    );
  });

  test("tells a person what happens, and then which machine runs what", async () => {
    const { code, out, error } = await drover(
      ..."rehearse publish --faults unsigned-archive".split(" "),
    );
    assert.equal(code, 0);
    assert.equal(error, "");
    assert.match(out, /^ +30\.\d s {2}ada publishes the first bundle: promoted \(serial 1\)/);
    assert.match(out, /grace starts publish-bundle: promote the second bundle: done\n/);
    assert.match(out, /\nmachine +started +assigned +runs +serial +report +node\n/);
    assert.match(out, / after it was promoted +– +second \(outdated\) +3 +ready +ready\n/);
    assert.match(out, /\n +\d+\.\d s {2}unsigned-archive: promoting it has failed\n/);
    assert.match(out, /\nheld {4}no-machine-runs-unsigned\n/);
    assert.match(
      out,
      /10 of 10 machines are ready, 3 of them outdated, .*: all invariants held\.\n$/,
    );
  });

  test("says at the end which faults never struck, what was kept, and that a channel is old", async () => {
    const report = JSON.parse((await drover("rehearse", "publish", "--json")).out) as PublishReport;
    const last = (changed: Partial<PublishReport>) =>
      renderPublishReport({ ...report, ...changed })
        .split("\n")
        .slice(-3)
        .join("\n");
    assert.match(last({}), /in the bucket, has serial 4: .*\.\n10 of 10 machines are ready, 3 of/);
    assert.match(last({}), /: all invariants held\.\n$/);
    assert.match(
      last({ neverStruck: ["old-channel", "s3-slow"] }),
      /: all invariants held; never struck: old-channel, s3-slow\.\n$/,
    );
    const [first, ...others] = report.machines;
    assert.ok(first);
    assert.match(
      last({ machines: [{ ...first, state: "kept" }, ...others] }),
      /10 of 10 machines are ready \(1 of them kept what it had\), 3 of/,
    );
    assert.match(
      last({ channel: { ...report.channel, serial: 1 } }),
      /has serial 1: .* It is an old one, put back: a machine has seen serial 4\.\n/,
    );
  });

  test("counts a named fault that meets nothing, and none that struck", async () => {
    const neverStruck = async (seed: string) => {
      const args = ["rehearse", "publish", "--faults", "old-channel", "--seed", seed, "--json"];
      const { out } = await drover(...args);
      const { faults, ...report } = JSON.parse(out) as PublishReport;
      return [faults?.map(({ fault }) => fault), report.neverStruck];
    };
    assert.deepEqual(await neverStruck("1"), [[], ["old-channel"]]);
    assert.deepEqual(await neverStruck("3"), [["old-channel"], []]);
  });

  test("says in its help what can go wrong", async () => {
    const { out } = await drover("rehearse", "publish", "--help");
    for (const { name, what } of publishFaults)
      assert.ok(
        out.split("\n").some((line) => line.startsWith(`  ${name} `) && line.endsWith(`  ${what}`)),
        name,
      );
  });
});

test("a report for a person names what broke, and what is not there", () => {
  const digest = "a".repeat(64);
  const text = renderPublishReport({
    scenario: "publish",
    seed: 9,
    pool: "workers",
    bundles: { first: digest, second: "b".repeat(64), third: "c".repeat(64) },
    virtualSeconds: 12,
    wallSeconds: 0.1,
    timeline: [],
    channel: { serial: null, current: null, candidate: null, previous: null },
    machines: [
      {
        instanceId: "i-1",
        wave: "while there is a candidate",
        assigned: "d".repeat(64),
        bundle: null,
        serial: null,
        state: "failed",
        isReady: false,
        isOutdated: false,
      },
    ],
    invariants: [
      {
        name: "no-machine-runs-unsigned",
        held: false,
        violations: ["i-1 runs what it should not"],
      },
    ],
  });
  assert.match(text, /\ni-1 +while there is a candidate +dddddddddddd +– +– +failed +–\n/);
  assert.match(text, /\nBROKEN {2}no-machine-runs-unsigned\n {10}i-1 runs what it should not\n/);
  assert.match(text, /has serial –: current –, candidate –, before –\.\n/);
  assert.match(
    text,
    /0 of 1 machines are ready, 0 of them outdated, .*: 1 of 1 invariants were broken\.\n$/,
  );
});
