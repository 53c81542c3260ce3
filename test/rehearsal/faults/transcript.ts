import { createHash } from "node:crypto";
import { pathToFileURL } from "node:url";
import { allFaults } from "../../../rehearsal/faults/catalogue.ts";
import { drawTrial, runTrial } from "../../../rehearsal/faults/trial.ts";

/** Everything that happened in a trial, in order, with the times of all of it. */
export const transcribe = async (seed: number) => {
  const { report, world } = await runTrial(drawTrial(seed, allFaults));
  const { wallSeconds: _, ...rest } = report;
  return {
    report: rest,
    runs: [...world.engine.runs.values()].map(({ executionArn, input, events }) => ({
      executionArn,
      input,
      events,
    })),
    executions: world.stepFunctions.executions(),
    calls: world.ledger.entries,
    published: world.bus.published,
    deliveries: world.bus.deliveries,
    instances: world.autoScaling.instances(),
    nodes: world.park.chronicle,
    ends: world.park.ends,
    log: world.log,
  };
};

export const digest = (transcript: unknown): string =>
  createHash("sha256").update(JSON.stringify(transcript)).digest("hex");

// A process of its own that says what it saw.
if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const seeds = process.argv.slice(2).map(Number);
  for (const seed of seeds) process.stdout.write(`${seed} ${digest(await transcribe(seed))}\n`);
}
