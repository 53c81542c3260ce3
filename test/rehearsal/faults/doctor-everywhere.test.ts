import assert from "node:assert/strict";
import { test } from "node:test";
import { callsByState } from "../../../rehearsal/coverage/collect.ts";
import { directAt } from "../../../rehearsal/coverage/direct.ts";
import { createMatrix } from "../../../rehearsal/coverage/matrix.ts";
import { readStates, type StateTraits } from "../../../rehearsal/coverage/read-states.ts";
import { applySchedule } from "../../../rehearsal/faults/apply.ts";
import { catalogue } from "../../../rehearsal/faults/catalogue.ts";
import type { Fault, Schedule } from "../../../rehearsal/faults/fault.ts";
import { emulatedCredentials } from "../../../rehearsal/world/emulated-credentials.ts";
import { region } from "../../../rehearsal/world.ts";
import { raiseDoctorWorld } from "../../cli/doctor-world.ts";

/** What can meet it: of people and of instances it only reads. */
const faults = catalogue.filter(({ reach }) => reach.of === "calls" || reach.of === "functions");

const secrets = [
  emulatedCredentials.nomadToken,
  emulatedCredentials.consulToken,
  emulatedCredentials.clientKey,
];

/** One examination while something is wrong. */
const examine = async (schedule: Schedule) => {
  const { world, drover, end } = await raiseDoctorWorld({ size: 1 });
  try {
    const { met, strikes } = applySchedule(world, schedule);
    const { code, out, error } = await drover("doctor", "--region", region, "--json");
    const [execution] = world.stepFunctions.executions();
    const said = [out, error, ...world.log, execution?.output ?? "", execution?.cause ?? ""];
    const found = out === "" ? undefined : (JSON.parse(out) as { readonly errors: number });
    const violations = [
      ...(execution?.status === "RUNNING" ? ["it does not come to an end"] : []),
      ...(execution?.status === "SUCCEEDED" && found === undefined ? ["it reports nothing"] : []),
      ...(code === 0 && found?.errors !== 0
        ? ["it tells errors, and ends as if there were none"]
        : []),
      ...(execution?.status !== "SUCCEEDED" && code === 0 ? ["it failed in silence"] : []),
      ...(secrets.some((secret) => said.some((text) => text.includes(secret)))
        ? ["it tells a secret"]
        : []),
    ];
    return {
      met,
      hasStruck: strikes.length > 0 && Object.keys(met).length > 0,
      isFine: code === 0,
      calls: callsByState(world),
      states: readStates(world.stack).filter(({ machine }) => machine.endsWith("doctor")),
      violations: violations.map((what) => `${JSON.stringify(schedule)}: ${what}`),
    };
  } finally {
    end();
  }
};

test("each fault strikes in each state of the doctor that it can, which finishes or fails loudly", async (t) => {
  const first = await examine([]);
  assert.ok(first.isFine);
  const reaches = Object.fromEntries(faults.map(({ name, reach }) => [name, reach]));
  const matrix = createMatrix(first.states, reaches);
  matrix.add({ strikes: {}, calls: first.calls });
  const cells: [Fault, StateTraits][] = faults.flatMap((fault) =>
    first.states
      .filter((state) => matrix.canStrike(fault.name, state.name))
      .map((state): [Fault, StateTraits] => [fault, state]),
  );
  const violations: string[] = [];
  for (const [fault, state] of cells) {
    const { met, violations: more } = await examine([directAt(fault, state)]);
    matrix.add({ strikes: met, calls: {} });
    violations.push(...more);
  }
  t.diagnostic(`how often each fault struck in each state of the doctor:\n${matrix.render()}`);
  assert.deepEqual(violations, []);
  assert.deepEqual(
    matrix.holes().map(({ fault, state }) => `${fault} never struck in ${state}`),
    [],
  );
});

/** Those after which everything can still be seen. */
const harmless: ReadonlySet<string> = new Set(["cold-starts", "nomad-slow"]);

test("the doctor reports no health that it did not see", async () => {
  const wrong: string[] = [];
  for (const { name } of faults.filter((fault) => !harmless.has(fault.name))) {
    const { isFine, hasStruck, violations } = await examine([
      { fault: name, at: 0, lasts: 4 * 3_600_000, share: 1 },
    ]);
    wrong.push(...violations);
    if (hasStruck && isFine) wrong.push(`${name} lasts, and everything is said to be right`);
  }
  assert.deepEqual(wrong, []);
});
