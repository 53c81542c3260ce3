import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readScaleIn } from "../../cli/commands/rehearse.ts";
import { renderReport } from "../../cli/commands/render-report.ts";
import { tellProgress } from "../../cli/commands/soak.ts";
import { complainAboutNode } from "../../cli/node-version.ts";
import { run } from "../../cli/run.ts";
import { catalogue } from "../../rehearsal/faults/catalogue.ts";
import type { Report } from "../../rehearsal/report.ts";

const drover = async (...args: string[]) => {
  let out = "";
  let error = "";
  const code = await run(args, {
    out: (text) => (out += text),
    error: (text) => (error += text),
  });
  return { code, out, error };
};

describe("drover", () => {
  test("teaches with examples when asked for help", async () => {
    for (const args of [
      ["--help"],
      ["rehearse", "--help"],
      ["rehearse", "scale-in", "--help"],
      ["rehearse", "publish", "--help"],
      ["doctor", "--help"],
    ]) {
      const { code, out, error } = await drover(...args);
      assert.equal(code, 0, args.join(" "));
      assert.equal(error, "");
      assert.match(out, /^Usage: drover/);
    }
    const { out } = await drover("rehearse", "scale-in", "--help");
    for (const option of [
      "--nodes",
      "--terminate",
      "--jobs",
      "--seed",
      "--faults",
      "--live",
      "--json",
    ])
      assert.ok(out.includes(option), option);
    const lines = out.split("\n");
    for (const { name, what } of catalogue)
      assert.ok(
        lines.some((line) => line.startsWith(`  ${name} `) && line.endsWith(`  ${what}`)),
        name,
      );
    assert.match(out, /Examples:\n {2}\$ drover rehearse scale-in\n/);
    assert.match(out, /Exit code: 0 .* 1 .* 2 /s);
  });

  test("answers what it does not understand on stderr alone, with 2", async () => {
    const cases: [string[], RegExp][] = [
      [[], /Usage: drover/],
      [["rehearse"], /scale-in/],
      [["rehearse", "scale-out"], /unknown command 'scale-out'[\s\S]*scale-in/],
      [["rehearse", "scale-in", "--node", "3"], /unknown option '--node'[\s\S]*--nodes/],
      [["rehearse", "scale-in", "--nodes"], /'--nodes <number>' argument missing/],
      [["rehearse", "scale-in", "workers"], /too many arguments/],
      [
        ["rehearse", "scale-in", "--nodes", "many"],
        /--nodes many: it has to be a whole number from 2 to 5000/,
      ],
      [["rehearse", "scale-in", "--nodes", "1"], /--nodes 1: .*from 2/],
      [["rehearse", "scale-in", "--nodes", "-5"], /--nodes -5: .*from 2/],
      [["rehearse", "scale-in", "--nodes", "2.5"], /--nodes 2\.5:/],
      [["rehearse", "scale-in", "--jobs", "0"], /--jobs 0: .*from 1 to/],
      [["rehearse", "scale-in", "--seed", "x"], /--seed x: .*from 0 to 4294967295/],
      [
        ["rehearse", "scale-in", "--terminate", "12"],
        /--terminate 12: of 12 nodes at most 11 can leave/,
      ],
      [["rehearse", "scale-in", "--live", "--nodes", "50"], /--nodes 50: .*to 12/],
      [
        ["rehearse", "scale-in", "--faults", "power-cut,earthquake"],
        /--faults earthquake: there is no such fault; there are none, all, and any of: .*power-cut/,
      ],
      [
        ["rehearse", "scale-in", "--faults", ""],
        /--faults : there is no such fault; there are none, all/,
      ],
      [
        ["rehearse", "scale-in", "--live", "--faults", "all"],
        /--faults all: faults strike the emulated world alone; leave --live or --faults out/,
      ],
      [["rehearse", "publish", "--nodes", "3"], /unknown option '--nodes'/],
      [["rehearse", "publish", "--seed", "one"], /--seed one: .*from 0 to/],
      [
        ["rehearse", "publish", "--faults", "power-cut"],
        /--faults power-cut: there is no such fault; .*publisher-dies, two-publishers, unsigned-arch/,
      ],
      [["rehearse", "soak", "--seeds", "0"], /--seeds 0: .*from 1 to/],
      [["rehearse", "soak", "--faults", "flood,fire"], /--faults flood, fire: there are no such/],
    ];
    for (const [args, message] of cases) {
      const { code, out, error } = await drover(
        ...args.toSpliced(2, 0, ...(args.length > 2 ? ["--json"] : [])),
      );
      assert.equal(code, 2, args.join(" "));
      assert.equal(out, "", args.join(" "));
      assert.match(error, message);
    }
  });

  test("refuses a Node.js that cannot run it, and says what to do", () => {
    assert.equal(complainAboutNode("22.18.0"), undefined);
    assert.equal(complainAboutNode("24.1.0"), undefined);
    for (const version of ["22.17.1", "20.20.2", "18.0.0"])
      assert.match(
        complainAboutNode(version) ?? "",
        new RegExp(`Node.js ${version}.*22.18 or later`),
      );
  });
});

describe("the sizes of a rehearsal", () => {
  test("have defaults, smaller ones with real agents", () => {
    assert.deepEqual(readScaleIn({ seed: "1" }), {
      nodes: 12,
      terminate: 4,
      jobs: 20,
      seed: 1,
      faults: [],
      live: false,
    });
    assert.ok(readScaleIn({ seed: "1", live: true }).nodes < 12);
  });

  test("leave at least one node", () => {
    assert.equal(readScaleIn({ seed: "1", nodes: "3" }).terminate, 2);
    assert.equal(readScaleIn({ seed: "1", nodes: "100" }).terminate, 4);
  });
});

describe("drover rehearse scale-in", () => {
  test("--json prints one document of the promised shape, and nothing else", async () => {
    const { code, out, error } = await drover(
      ..."rehearse scale-in --nodes 4 --terminate 2 --jobs 6 --seed 3 --json".split(" "),
    );
    assert.equal(code, 0);
    assert.equal(error, "");
    const report = JSON.parse(out);
    assert.deepEqual(Object.keys(report), [
      "scenario",
      "seed",
      "nodes",
      "virtualSeconds",
      "wallSeconds",
      "retired",
      "invariants",
    ]);
    assert.equal(report.scenario, "scale-in");
    assert.equal(report.seed, 3);
    assert.equal(report.nodes, 4);
    assert.equal(report.retired.length, 2);
    for (const retired of report.retired) {
      assert.deepEqual(Object.keys(retired), [
        "instanceId",
        "drain",
        "hook",
        "seconds",
        "calls",
        "transitions",
      ]);
      assert.match(retired.instanceId, /^i-[0-9a-f]{17}$/);
      assert.deepEqual(Object.keys(retired.seconds), ["toDrain", "drain", "toHook", "toForgotten"]);
      assert.deepEqual(Object.keys(retired.calls), ["nomad", "consul", "aws"]);
    }
    for (const invariant of report.invariants)
      assert.deepEqual(Object.keys(invariant), ["name", "held", "violations"]);
  });

  test("tells a person what happens, and then shows a table", async () => {
    const { code, out, error } = await drover(
      ..."rehearse scale-in --nodes 3 --terminate 1 --jobs 4".split(" "),
    );
    assert.equal(code, 0);
    assert.equal(error, "");
    assert.match(out, /^ +0\.0 s {2}3 instances of the pool workers start\n/);
    assert.match(out, / s {2}i-[0-9a-f]{17} drains\n/);
    assert.match(
      out,
      /\ninstance +drain +hook +to drain +drain +to hook +to forgotten +nomad +consul +aws +transitions\n/,
    );
    assert.match(out, /\ni-[0-9a-f]{17} {2}clean {2}CONTINUE .* s .*\d\n/);
    assert.match(out, /held {4}no-live-work-lost\n/);
    assert.match(out, /1 of 3 instances left .*\(seed 1\): all invariants held\.\n$/);
  });
});

describe("drover rehearse scale-in --faults", () => {
  test("tells what struck, and when", async () => {
    const { code, out } = await drover(
      ..."rehearse scale-in --nodes 4 --terminate 2 --jobs 6 --faults nomad-silent".split(" "),
    );
    assert.equal(code, 0);
    assert.match(out, /\n +\d+\.\d s {2}nomad-silent \(for \d+\.\d s\)\n/);
    const { out: json } = await drover(
      ..."rehearse scale-in --nodes 4 --terminate 2 --jobs 6 --faults power-cut --json".split(" "),
    );
    const { faults, retired } = JSON.parse(json) as Report;
    assert.deepEqual(
      faults?.map(({ fault }) => fault),
      ["power-cut"],
    );
    assert.ok(retired.some(({ instanceId }) => instanceId === faults?.[0]?.what));
  });
});

describe("drover rehearse soak", () => {
  test("says how far it is, and that all is well", async () => {
    const { code, out, error } = await drover(
      ..."rehearse soak --seeds 12 --faults duplicate-events".split(" "),
    );
    assert.equal(error, "");
    assert.equal(code, 0);
    assert.match(out, /^12 of 12 seeds, [\d.]+ a second, 0 failed; over after \d+ s\n$/m);
  });

  test("tells of the rest what it will take", () => {
    const half = { done: 50, seeds: 100, failures: 1, seconds: 10 };
    assert.equal(tellProgress(half), "50 of 100 seeds, 5.0 a second, 1 failed; over in 10 s\n");
    assert.equal(
      tellProgress({ ...half, seeds: 10_050 }),
      "50 of 10050 seeds, 5.0 a second, 1 failed; over in 34 min\n",
    );
  });
});

describe("a report for a person", () => {
  const report: Report = {
    scenario: "scale-in",
    seed: 9,
    nodes: 3,
    virtualSeconds: 12,
    wallSeconds: 0.1,
    retired: [
      {
        instanceId: "i-1",
        drain: "none",
        hook: "expired",
        seconds: { toDrain: null, drain: null, toHook: 1728, toForgotten: null },
        calls: { nomad: 1, consul: 0, aws: 22 },
        transitions: 3,
      },
    ],
    invariants: [
      { name: "servers-untouched", held: true, violations: [] },
      {
        name: "every-hook-decided",
        held: false,
        violations: Array.from({ length: 12 }, (_, index) => `i-${index}: nobody decided`),
      },
    ],
  };

  test("says which invariants are broken, by what, and how much it leaves out", () => {
    const text = renderReport(report);
    assert.match(text, /\nBROKEN {2}every-hook-decided\n {10}i-0: nobody decided\n/);
    assert.match(text, /… and 2 more \(--json has them all\)/);
    assert.match(text, /1 of 2 invariants were broken\.\n$/);
  });

  test("tells what was permitted, and is nothing to be silent about", () => {
    const text = renderReport({
      ...report,
      invariants: [
        { name: "nobody-remembered", held: true, violations: [], reported: ["so it is"] },
      ],
    });
    assert.match(text, /\nheld {4}nobody-remembered\n {10}\(so it is\)\n/);
    assert.match(text, /all invariants held\.\n$/);
  });

  test("shows a dash where a phase was not gone through, in straight columns", () => {
    const lines = renderReport(report).split("\n");
    const header = lines.findIndex((line) => line.startsWith("instance"));
    const [top = "", row = ""] = lines.slice(header, header + 2);
    assert.equal(row.length, top.length);
    assert.match(row, /^i-1 +none +expired +– +– +1728\.0 s +– +1 +0 +22 +3$/);
  });
});
