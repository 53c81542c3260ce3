import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { mostToForget, planRepairs } from "../../../../lambdas/watch/rules/plan-repairs.ts";
import { circumstances, type Fact, look, repair, type Silence } from "./repairs.ts";

const retired: Fact = {
  id: "i-0a",
  pool: "workers",
  word: "terminated",
  node: { status: "down", cordon: "ours" },
  inConsul: true,
  record: { phase: "retired", left: [] },
  execution: "succeeded",
};
const stopped: Fact = {
  ...retired,
  record: { phase: "retiring" },
  execution: "ended badly",
};
const { node: _, ...forgottenByNomad } = stopped;
const staying: Fact = {
  ...stopped,
  word: "running",
  lifecycleState: "InService",
  node: { status: "ready", cordon: "ours" },
};

const plan = (facts: readonly Fact[], changed: Parameters<typeof circumstances>[1] = {}) =>
  planRepairs(look(facts, changed.silent), circumstances(facts, changed));
const said = (facts: readonly Fact[], changed: Parameters<typeof circumstances>[1] = {}) => {
  const { forget, giveBack, settle } = plan(facts, changed);
  return [
    ...forget.map(({ instanceId }) => `forget ${instanceId}`),
    ...giveBack.map(({ mark }) => `give ${mark.instanceId} back`),
    ...settle.map(({ instanceId, phase }) => `${instanceId} is ${phase}`),
  ];
};

describe("what is planned", () => {
  const cases: readonly [string, Fact, readonly string[]][] = [
    ["a node that is left of a retirement is forgotten", retired, ["forget i-0a"]],
    ["and where EC2 no longer knows it", { ...retired, word: "not found" }, ["forget i-0a"]],
    ["not while it shuts down", { ...retired, word: "shutting-down" }, []],
    ["not while it runs", { ...retired, word: "running" }, []],
    ["not while it is stopped, as in a warm pool", { ...retired, word: "stopped" }, []],
    ["not without a record of ours", { ...retired, record: undefined }, []],
    ["not while its node lives", { ...retired, node: { status: "ready", cordon: "ours" } }, []],
    [
      "not when it is a server",
      {
        ...retired,
        node: { status: "down", cordon: "ours", isServer: true },
      },
      [],
    ],
    [
      "not while its execution is at it",
      {
        ...retired,
        record: { phase: "retiring" },
        execution: "running",
      },
      [],
    ],
    ["one whose execution was stopped is forgotten", stopped, ["forget i-0a"]],
    ["by Consul too, where Nomad has forgotten it", forgottenByNomad, ["forget i-0a"]],
    [
      "of one that nobody remembers the record is settled",
      {
        ...forgottenByNomad,
        inConsul: false,
      },
      ["i-0a is retired"],
    ],
    [
      "one that waits under its hook is the orphans' affair",
      {
        ...stopped,
        lifecycleState: "Terminating:Wait",
      },
      [],
    ],
    [
      "one that is on its way out is waited for",
      {
        ...stopped,
        word: "running",
        lifecycleState: "Terminating:Proceed",
      },
      [],
    ],
    ["a node that stays and is cordoned by us is given back", staying, ["give i-0a back"]],
    ["in standby too", { ...staying, lifecycleState: "Standby" }, ["give i-0a back"]],
    [
      "nor where a person wants it so, and then the record is settled",
      { ...staying, node: { status: "ready", cordon: "theirs" } },
      ["i-0a is failed"],
    ],
    [
      "not where nobody knows who wants it so",
      {
        ...staying,
        node: { status: "ready", cordon: "unclear" },
      },
      [],
    ],
    [
      "not where it is a server",
      {
        ...staying,
        node: { status: "ready", cordon: "ours", isServer: true },
      },
      [],
    ],
    ["not while its execution may only just have begun", { ...staying, execution: "unknown" }, []],
    [
      "of one that takes work again the record is settled",
      {
        ...staying,
        node: { status: "ready", cordon: "none" },
      },
      ["i-0a is failed"],
    ],
    [
      "one that stays and whose node is down is waited for",
      { ...staying, node: { status: "down", cordon: "ours" } },
      [],
    ],
    [
      "what failed and left something is looked after",
      {
        ...staying,
        record: { phase: "failed", left: ["cordon of node 1"] },
      },
      ["give i-0a back"],
    ],
    [
      "what failed and left nothing is not",
      { ...staying, record: { phase: "failed", left: [] } },
      [],
    ],
  ];
  for (const [what, fact, expected] of cases)
    test(what, () => assert.deepEqual(said([fact]), expected));

  test("is nothing for a pool that is only watched, and that is told", () => {
    const observed = new Set(["workers"]);
    for (const fact of [retired, stopped, forgottenByNomad, staying])
      assert.deepEqual(said([fact], { observed }), []);
    assert.match(plan([retired], { observed }).findings.join(), /The pool workers is only watched/);
  });

  test("is nothing while Drover is stopped, and that is told", () => {
    assert.deepEqual(said([retired, { ...staying, id: "i-0b" }], { stopped: true }), []);
    assert.match(plan([retired], { stopped: true }).findings.join(), /Drover is stopped/);
  });

  test("is nothing for one that was taken out of its group and lives on, and that is told", () => {
    const detached: Fact = { ...staying, lifecycleState: undefined };
    assert.deepEqual(said([detached]), []);
    assert.match(plan([detached]).findings.join(), /i-0a is in no group any more and runs on/);
    for (const word of ["terminated", "shutting-down"])
      assert.deepEqual(plan([{ ...detached, word }]).findings, []);
    assert.deepEqual(plan([detached], { silent: new Set(["EC2"]) }).findings, []);
  });

  test("is told where it is not done", () => {
    assert.match(plan([{ ...retired, word: "running" }]).findings.join(), /EC2 says .* is running/);
    const unclear: Fact = { ...staying, node: { status: "ready", cordon: "unclear" } };
    assert.match(plan([unclear]).findings.join(), /takes no work.*Make it eligible/);
  });
});

const facts = fc.uniqueArray(
  fc.record({
    id: fc
      .integer({ min: 0, max: 40 })
      .map((number) => `i-${number.toString(16).padStart(8, "0")}`),
    pool: fc.constantFrom("workers", "watched"),
    word: fc.constantFrom(
      "terminated",
      "not found",
      "shutting-down",
      "running",
      "stopped",
      "pending",
    ),
    lifecycleState: fc.constantFrom(
      undefined,
      undefined,
      "InService",
      "Standby",
      "Terminating:Wait",
      "Terminating:Proceed",
      "Warmed:Stopped",
      "Detaching",
    ),
    node: fc.option(
      fc.record({
        status: fc.constantFrom("ready" as const, "down" as const),
        cordon: fc.constantFrom(
          "none" as const,
          "ours" as const,
          "theirs" as const,
          "unclear" as const,
        ),
        isServer: fc.boolean(),
      }),
      { nil: undefined },
    ),
    inConsul: fc.boolean(),
    record: fc.option(
      fc.record({
        phase: fc.constantFrom("retiring" as const, "retired" as const, "failed" as const),
        left: fc.constantFrom([], ["cordon of node 1"]),
      }),
      { nil: undefined },
    ),
    execution: fc.constantFrom(
      "running" as const,
      "succeeded" as const,
      "ended badly" as const,
      "unknown" as const,
    ),
  }),
  { maxLength: 30, selector: ({ id }) => id },
) satisfies fc.Arbitrary<Fact[]>;
const silence = fc
  .subarray<Silence>(["EC2", "Nomad", "Consul", "records"])
  .map((services) => new Set(services));
const observed = new Set(["watched"]);
const often = { numRuns: 3000 };

describe("whatever there is to be seen", () => {
  test("nothing is forgotten without the words of EC2, of Nomad or a mark, and of our record", () => {
    fc.assert(
      fc.property(facts, silence, fc.integer({ min: 1, max: 30 }), (all, silent, cap) => {
        const factOf = new Map(all.map((fact) => [fact.id, fact]));
        for (const { instanceId, nodeId } of plan(all, { silent, observed, cap }).forget) {
          const fact = factOf.get(instanceId)!;
          assert.ok(["terminated", "not found"].includes(fact.word) && !silent.has("EC2"));
          assert.ok(fact.record && !silent.has("records"));
          assert.ok(!silent.has("Nomad") && !silent.has("Consul"));
          assert.notEqual(fact.node?.status, "ready");
          assert.equal(nodeId !== undefined, fact.node?.status === "down");
          assert.notEqual(fact.node?.isServer, true);
          assert.ok(!(fact.record.phase === "retiring" && fact.execution === "running"));
          assert.equal(fact.pool, "workers");
        }
      }),
      often,
    );
  });

  test("no cordon is lifted but ours, of a node whose instance stays", () => {
    fc.assert(
      fc.property(facts, silence, (all, silent) => {
        for (const { mark } of plan(all, { silent, observed }).giveBack) {
          const fact = all.find(({ id }) => id === mark.instanceId)!;
          assert.equal(fact.node?.cordon, "ours");
          assert.notEqual(fact.node?.isServer, true);
          assert.match(fact.lifecycleState ?? "", /^(InService|Standby|Warmed:Stopped)$/);
          assert.notEqual(fact.execution === "running" && fact.record?.phase === "retiring", true);
        }
      }),
      often,
    );
  });

  test("who does not answer decides nothing: there is only less to do than if all did", () => {
    fc.assert(
      fc.property(facts, silence, (all, silent) => {
        const cap = Infinity;
        const whole = new Set(said(all, { observed, cap }));
        const part = said(all, { observed, cap, silent });
        assert.deepEqual(
          part.filter((each) => !whole.has(each)),
          [],
        );
        if (silent.has("Nomad") || silent.has("Consul") || silent.has("records"))
          assert.deepEqual(part, []);
      }),
      often,
    );
  });

  test("no more is forgotten at once than the cap, and above it nothing, with a number for the alarm", () => {
    fc.assert(
      fc.property(facts, fc.integer({ min: 0, max: 12 }), (all, cap) => {
        const uncapped = plan(all, { cap: Infinity }).forget.length;
        const { forget, capped, findings, giveBack, settle } = plan(all, { cap });
        assert.equal(forget.length, uncapped > cap ? 0 : uncapped);
        assert.equal(capped, uncapped > cap ? uncapped : 0);
        assert.equal(
          findings.some((each) => each.includes("none is")),
          uncapped > cap,
        );
        // What is given back does no harm, however much it is.
        const others = plan(all, { cap: Infinity });
        assert.deepEqual([giveBack, settle], [others.giveBack, others.settle]);
      }),
      often,
    );
    const many = Array.from({ length: mostToForget + 1 }, (_, index) => ({
      ...retired,
      id: `i-${index}`,
    }));
    assert.equal(plan(many).forget.length, 0);
    assert.equal(plan(many.slice(1)).forget.length, mostToForget);
  });

  test("a second run plans nothing when the first one's plan is done", () => {
    fc.assert(
      fc.property(facts, (all) => {
        const after = repair(all, plan(all, { observed }));
        assert.deepEqual(said(after, { observed }), []);
      }),
      often,
    );
  });
});
