import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { examine, runTrial, tellFinding, type Trial } from "../../../rehearsal/faults/trial.ts";
import { findHandler, type HandlerModule } from "../../../rehearsal/world/handlers.ts";

/** Drover, but that it looks only at what it wants to see after it has forgotten a node. */
const credulous = (task: string): HandlerModule => {
  const module = findHandler(task);
  if (task !== "retire/look-again") return module;
  return {
    createHandler: (surroundings) => {
      const look = module.createHandler(surroundings);
      return async (event, context) => {
        try {
          return await look(event, context);
        } catch {
          return (event as { readonly forgotten: unknown }).forgotten;
        }
      };
    },
  };
};

/** Drover, but that it forgets nothing, and says that it has. */
const pretending = (task: string): HandlerModule => {
  const module = findHandler(task);
  if (task === "watch/repair-cluster") return { createHandler: () => async () => [] };
  if (task !== "retire/forget-node" && task !== "retire/look-again") return module;
  return {
    createHandler: () => async () => ({
      done: true,
      waitSeconds: 1,
      explanation: "Nothing was done.",
    }),
  };
};

const trial: Trial = {
  seed: 1,
  schedule: [
    { fault: "duplicate-events", at: 0, lasts: 20_000 },
    { fault: "nomad-slow", at: 20_000, lasts: 10_000 },
    { fault: "consul-unreachable", at: 60_000, lasts: 1_200_000 },
    { fault: "ssm-throttles", at: 70_000, lasts: 10_000 },
  ],
};

describe("a trial that breaks an invariant", () => {
  test("is told with the fault that it takes, and what happened around it", async () => {
    const options = { handlers: credulous };
    const { broken } = await runTrial(trial, options);
    assert.ok(broken.some(({ invariant }) => invariant === "nobody-remembered"));
    const finding = await examine(trial, broken, options);
    assert.deepEqual(
      finding.schedule.map(({ fault }) => fault),
      ["consul-unreachable"],
    );
    assert.ok((finding.schedule[0]?.lasts ?? Infinity) < 1_200_000);
    assert.ok(finding.timeline.length > 10 && finding.timeline.length <= 30);
    const text = tellFinding(finding);
    assert.match(text, /^seed 1 breaks:\n {2}nobody-remembered: Consul still has the member i-/);
    assert.match(text, /\n {2}\{"fault":"consul-unreachable","at":60000,"lasts":\d+\}\n/);
    assert.match(text, / s {2}group {2}the hook \S+ is over: completed CONTINUE/);
    assert.match(text, / s {2}call {3}retire\/\S+: \S+ /);
    assert.match(text, / s {2}state {2}\S+/);
  });

  test("is told as one that takes no fault, when it takes none", async () => {
    const options = { handlers: pretending };
    const { broken } = await runTrial(trial, options);
    assert.ok(broken.some(({ invariant }) => invariant === "nobody-remembered"));
    const finding = await examine(trial, broken, options);
    assert.deepEqual(finding.schedule, []);
    assert.match(tellFinding(finding), /and does so without any fault\./);
  });

  test("breaks nothing with Drover as it is", async () => {
    const { broken, report } = await runTrial(trial);
    assert.deepEqual(broken, []);
    assert.deepEqual(
      report.faults?.map(({ fault }) => fault),
      trial.schedule.map(({ fault }) => fault),
    );
  });
});
