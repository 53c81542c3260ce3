import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findOrBuildAgents } from "../rehearsal/agents/binaries.ts";
import { composeSleepJob } from "../rehearsal/agents/jobs.ts";
import { type LiveWorld, startLiveWorld } from "../test/live/live-world.ts";
import { type Benchmark, median } from "./benchmark.ts";

/** Retirements that are measured, after two that warm the containers up. */
const samples = 20;
const warmUps = 2;
/** Drains by Nomad's own command line, for the same work. */
const drainsByHand = 8;

/**
 * What AWS adds to a retirement, in seconds: assumptions, not measurements. An
 * event takes half a second to its function; between the event and the drain, and
 * between its end and the completion, there are 16 transitions and 11 calls of
 * warm functions.
 */
const aws = 0.5 + 0.05 + 16 * 0.025 + 11 * 0.015;

/** When a node began to drain, and when its last task ended: milliseconds since the epoch. */
const readWork = async (live: LiveWorld, instanceId: string, job: string) => {
  const { cluster } = live;
  const stub = await live.node(instanceId);
  const { Events } = await cluster.nomadApi<{
    readonly Events: readonly { readonly Message: string; readonly Timestamp: string }[];
  }>("GET", `/v1/node/${stub?.ID}`);
  // The drain's own `StartedAt` is cut to whole seconds.
  const began = Events.findLast(({ Message }) => Message === "Node drain strategy set")?.Timestamp;
  const ends = (await live.allocationsOn(instanceId, job)).flatMap(({ TaskStates }) =>
    Object.values(TaskStates ?? {}).map(({ FinishedAt }) => Date.parse(FinishedAt ?? "")),
  );
  if (began === undefined || ends.length === 0) throw new Error(`${instanceId} did not drain`);
  return { began: Date.parse(began), ended: Math.max(...ends) };
};

/** Puts the one allocation of a job onto an instance of its pool: the oldest, which leaves next. */
const placeOn = async (live: LiveWorld, instanceId: string, job: string): Promise<void> => {
  await live.cluster.runJob(composeSleepJob(job, { pool: instanceId }));
};

/** Drover's own part of one retirement, in seconds. */
const retireOne = async (live: LiveWorld, instanceId: string, number: number): Promise<number> => {
  const job = `work-${number}`;
  await placeOn(live, instanceId, job);
  await live.terminate(instanceId);
  await live.hookDecided(instanceId);
  const { began, ended } = await readWork(live, instanceId, job);
  // The first call of intake: the event has just been delivered.
  const delivered = live.world.ledger.entries.find(
    ({ subject, task }) => subject.instanceId === instanceId && task === "intake/intake",
  );
  if (!delivered) throw new Error(`no event of ${instanceId} was delivered`);
  return (began - delivered.at + (live.hookDecidedAt(instanceId) - ended)) / 1000;
};

/** The command line's own part of one drain, in seconds. */
const drainByHand = async (live: LiveWorld, instanceId: string, number: number, folder: string) => {
  const job = `by-hand-${number}`;
  await placeOn(live, instanceId, job);
  const { nomad } = await findOrBuildAgents();
  const node = await live.node(instanceId);
  const { cluster } = live;
  const started = Date.now();
  await promisify(execFile)(nomad, ["node", "drain", "-enable", "-yes", node?.ID ?? ""], {
    env: {
      NOMAD_ADDR: cluster.nomad.address,
      NOMAD_REGION: cluster.nomad.region,
      NOMAD_TOKEN: cluster.management.nomad,
      NOMAD_CACERT: join(folder, "ca"),
      NOMAD_CLIENT_CERT: join(folder, "clientCertificate"),
      NOMAD_CLIENT_KEY: join(folder, "clientKey"),
    },
  });
  const returned = Date.now();
  const { began, ended } = await readWork(live, instanceId, job);
  return (began - started + (returned - ended)) / 1000;
};

const measure = async (report: (line: string) => void) => {
  const folder = mkdtempSync(join(tmpdir(), "drover-bench-"));
  const live = await startLiveWorld({
    pools: [{ pool: "bench", maxCapacity: 6, minCapacity: 0 }],
    // Each machine takes the work that is meant for it alone.
    start: (cluster, { id }) => cluster.addClient({ instanceId: id, pool: id }),
  });
  try {
    // What Lambda and Step Functions take around each call is AWS's, and is in the model.
    live.world.containers.setFaults({ coldStart: [0, 0], overhead: [0, 0] });
    for (const [name, text] of Object.entries(live.cluster.tls)) {
      writeFileSync(join(folder, name), text, { mode: 0o600 });
    }
    const ours: number[] = [];
    for (let number = 0; number < warmUps + samples; number += 1) {
      const [oldest] = (await live.scale("bench", 2)) as [string];
      ours.push(await retireOne(live, oldest, number));
      report(`retirement ${number + 1} of ${warmUps + samples}`);
    }
    const byHand: number[] = [];
    const [first, second] = (await live.scale("bench", 2)) as [string, string];
    for (let number = 0; number < drainsByHand; number += 1) {
      const instanceId = number % 2 === 0 ? first : second;
      const node = await live.node(instanceId);
      await live.cluster.nomadApi("PUT", `/v1/node/${node?.ID}/eligibility`, {
        Eligibility: "eligible",
      });
      byHand.push(await drainByHand(live, instanceId, number, folder));
      report(`drain by hand ${number + 1} of ${drainsByHand}`);
    }
    return { ours: median(ours.slice(warmUps)), byHand: median(byHand) };
  } finally {
    await live.stop();
    rmSync(folder, { recursive: true });
  }
};

/**
 * What Drover adds to the time that the work takes by itself: from the event to
 * the drain, and from the end of the last task to the completion of the hook.
 * With real agents, the synthesized state machine and the real functions, warm;
 * without AWS's own latency and cold starts.
 */
export const retireLatency: Benchmark = {
  name: "retire-latency",
  run: async (report) => {
    const { ours, byHand } = await measure(report);
    const against = { what: "nomad node drain", value: byHand };
    return [
      { what: "added to a drain, without AWS", value: ours, unit: "s", against, aim: 0.3 },
      { what: "the same, modelled on AWS, warm", value: ours + aws, unit: "s", against },
    ];
  },
};
