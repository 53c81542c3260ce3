import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { parse } from "valibot";
import type { Group, GroupHook } from "../../../../lambdas/clients/groups.ts";
import { poolSettings } from "../../../../lambdas/runtime/pool-settings.ts";
import type { Finding } from "../../../../lambdas/watch/findings.ts";
import { putHookCommand, tagCommand } from "../../../../lambdas/watch/rules/commands.ts";
import { judgeHooks } from "../../../../lambdas/watch/rules/judge-hooks.ts";
import { judgeSettings } from "../../../../lambdas/watch/rules/judge-settings.ts";
import { judgeStranger, judgeTags } from "../../../../lambdas/watch/rules/judge-tags.ts";
import { sample } from "../../../../lambdas/watch/rules/sample.ts";

const hook: GroupHook = {
  name: "drover-eu/retire",
  transition: "terminating",
  defaultResult: "CONTINUE",
  heartbeatSeconds: 1728,
};
const group = (name: string, tags: Record<string, string>): Group => ({
  name,
  tags: new Map(Object.entries(tags)),
  inService: [],
  retainsAbandoned: false,
  suspended: [],
});
const brief = (findings: readonly Finding[]) =>
  findings.map(({ severity, what }) => [severity, what] as const);
const assertBrief = (
  findings: readonly Finding[],
  expected: readonly (readonly [Finding["severity"], RegExp])[],
) => {
  assert.equal(findings.length, expected.length, JSON.stringify(brief(findings)));
  for (const [index, [severity, what]] of expected.entries()) {
    assert.equal(findings[index]?.severity, severity);
    assert.match(findings[index]?.what ?? "", what);
    assert.ok(findings[index]?.remedy);
  }
};

describe("the hooks of a pool's group", () => {
  const cases: readonly (readonly [
    string,
    readonly GroupHook[],
    readonly (readonly [Finding["severity"], RegExp])[],
  ])[] = [
    ["are right", [hook], []],
    ["are right beside those of others", [{ ...hook, name: "theirs" }, hook], []],
    ["live longer than they have to", [{ ...hook, heartbeatSeconds: 7200 }], []],
    ["are missing", [], [["error", /no hook "drover-eu\/retire"/]]],
    ["are another cluster's", [{ ...hook, name: "drover-eu-2/retire" }], [["error", /no hook/]]],
    ["would abandon", [{ ...hook, defaultResult: "ABANDON" }], [["warning", /ABANDON/]]],
    ["live shorter", [{ ...hook, heartbeatSeconds: 1727 }], [["warning", /1727 s.*48 hours|48/]]],
    [
      "are called otherwise",
      [{ ...hook, name: "drover-eu/out" }],
      [["warning", /"drover-eu\/out"/]],
    ],
    ["are two", [hook, { ...hook, name: "drover-eu/out" }], [["warning", /2 hooks of Drover/]]],
    [
      "hold launches",
      [hook, { ...hook, name: "drover-eu/admit", transition: "launching" }],
      [["error", /"drover-eu\/admit" holds instances that are launched/]],
    ],
    [
      "hold launches alone",
      [{ ...hook, transition: "launching" }],
      [
        ["error", /nobody answers it/],
        ["error", /no hook/],
      ],
    ],
  ];
  for (const [title, hooks, expected] of cases) {
    test(title, () => assertBrief(judgeHooks("eu", "workers", hooks), expected));
  }
});

describe("the tags of groups", () => {
  const own = { "drover:cluster": "eu", "drover:pool": "workers" };

  test("are right", () => {
    const groups = [group("a", own), group("b", { ...own, "drover:pool": "batch" })];
    assert.deepEqual(judgeTags("eu", groups), []);
  });

  test("name no pool, or none that can be", () => {
    const { "drover:pool": _, ...without } = own;
    assertBrief(judgeTags("eu", [group("a", without)]), [["error", /and not drover:pool/]]);
    for (const pool of ["", "with blank", "a/b", "x".repeat(64)])
      assertBrief(judgeTags("eu", [group("a", { ...own, "drover:pool": pool })]), [
        ["error", /is no pool's name/],
      ]);
  });

  test("name one pool twice", () => {
    assertBrief(judgeTags("eu", [group("a", own), group("b", own), group("c", own)]), [
      ["warning", /is b, c as well/],
      ["warning", /is a, c as well/],
      ["warning", /is a, b as well/],
    ]);
  });

  test("are not there, and our hook is", () => {
    assert.deepEqual(judgeStranger("eu", group("a", {}), [{ ...hook, name: "theirs" }]), []);
    assert.deepEqual(judgeStranger("eu", group("a", {}), []), []);
    assertBrief(judgeStranger("eu", group("a", {}), [hook]), [["error", /not the tag/]]);
    const [found] = judgeStranger("eu", group("a", { "drover:pool": "batch" }), [hook]);
    assert.match(found?.remedy ?? "", /Key=drover:pool,Value=batch/);
    assertBrief(judgeStranger("eu", group("a", { "drover:cluster": "us" }), [hook]), [
      ["error", /drover:cluster=us, of another cluster/],
    ]);
  });
});

describe("the settings of a pool", () => {
  const judge = (
    settings: Record<string, unknown>,
    over: Partial<Parameters<typeof judgeSettings>[0]> = {},
  ) =>
    judgeSettings({
      pool: "workers",
      settings: parse(poolSettings, settings),
      group: group("a", {}),
      hook,
      clusterSlots: 2,
      ...over,
    });

  test("fit", () => {
    assert.deepEqual(judge({}), []);
    assert.deepEqual(judge({ slots: 2, drainDeadlineSeconds: 47 * 3600 }), []);
    const keeping = { ...group("a", {}), retainsAbandoned: true };
    assert.deepEqual(judge({ onDrainFailure: "retain" }, { group: keeping }), []);
    assert.deepEqual(judge({}, { hook: undefined }), []);
  });

  test("want instances kept that the group ends", () => {
    assertBrief(judge({ onDrainFailure: "retain" }), [["error", /"retain", and the group a ends/]]);
  });

  test("want more time than the hook has", () => {
    const short = { heartbeatSeconds: 60 };
    assert.deepEqual(judge({ drainDeadlineSeconds: 5_000 }, { hook: short }), []);
    const cut = /lives for 6000 s.*drain of 5800 s/;
    assertBrief(judge({ drainDeadlineSeconds: 5_800 }, { hook: short }), [["warning", cut]]);
    assertBrief(judge({ batchDrainDeadlineSeconds: 5_800 }, { hook: short }), [["warning", cut]]);
  });

  test("want more slots than the cluster has", () => {
    assertBrief(judge({ slots: 3 }), [["warning", /3 slots and the whole cluster 2/]]);
  });
});

describe("a command", () => {
  test("can be pasted into a shell, whatever the group is called", () => {
    assert.equal(
      putHookCommand("eu", "workers"),
      "aws autoscaling put-lifecycle-hook --auto-scaling-group-name workers --lifecycle-hook-name drover-eu/retire --lifecycle-transition autoscaling:EC2_INSTANCE_TERMINATING --default-result CONTINUE --heartbeat-timeout 1728",
    );
    assert.match(putHookCommand("eu", "it's $(mine)"), / 'it'\\''s \$\(mine\)' /);
    assert.match(
      tagCommand("eu", "my group", "workers"),
      / 'ResourceId=my group,.*Key=drover:cluster,Value=eu,.*' 'ResourceId=my group,.*=workers,.*'$/,
    );
  });
});

describe("a sample", () => {
  test("has each one at most once, in order, the first and the last among them", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 500 }),
        fc.integer({ min: 1, max: 9 }),
        (size, most) => {
          const list = Array.from({ length: size }, (_, index) => index);
          const some = sample(list, most);
          assert.equal(some.length, Math.min(size, most));
          assert.deepEqual(
            some,
            [...new Set(some)].toSorted((a, b) => a - b),
          );
          assert.ok(some.every((one) => list.includes(one)));
          if (size > 0) assert.equal(some[0], 0);
          if (most > 1 && size > 0) assert.equal(some.at(-1), size - 1);
        },
      ),
    );
  });
});
