import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findOrBuildAgents } from "../rehearsal/agents/binaries.ts";
import { composeSleepJob } from "../rehearsal/agents/jobs.ts";
import { type LiveWorld, startLiveWorld } from "../test/live/live-world.ts";
import { assumptions, modelCold, modelWarm, readCriticalPath } from "./aws-model.ts";
import { type Benchmark, type Figure, median } from "./benchmark.ts";
import { timeImports } from "./imports.ts";

/** Retirements with warm containers, after some whose containers are all new. */
const samples = 20;
const coldSamples = 4;
/** Machines that start together. All of them leave, one after the other, before the next ones start. */
const batch = 6;
/** Drains by Nomad's own command line, for the same work. */
const drainsByHand = 8;
const importRounds = 3;

/** When something had to do with a drain: milliseconds since the epoch. */
interface Times {
  /** The event was delivered, or the command was started. */
  readonly asked: number;
  /** Nomad took the drain in. */
  readonly began: number;
  /** The last task on the node ended. */
  readonly ended: number;
  /** Nomad said that the drain was over. */
  readonly closed: number;
  /** The hook was completed, or the command was over. */
  readonly answered: number;
}

/** What was added to the work itself, in milliseconds. */
interface Added {
  readonly before: number;
  /** Of `after`: until Nomad's servers know of the end, and close the drain. */
  readonly nomad: number;
  readonly after: number;
  readonly total: number;
}

const addedBy = ({ asked, began, ended, closed, answered }: Times): Added => ({
  before: began - asked,
  nomad: closed - ended,
  after: answered - ended,
  total: began - asked + (answered - ended),
});

const medianOf = (list: readonly Added[], part: keyof Added): number =>
  median(list.map((each) => each[part]));

/** Starts the same work on an instance each time: one allocation, which can run nowhere else. */
const place = (live: LiveWorld, instanceId: string, job: string): Promise<void> =>
  live.cluster.runJob(composeSleepJob(job, { pool: instanceId }));

/** What Nomad says of the drain of an instance. */
const readDrain = async (live: LiveWorld, instanceId: string, job: string) => {
  const stub = await live.node(instanceId);
  const { Events } = await live.cluster.nomadApi<{
    readonly Events: readonly { readonly Message: string; readonly Timestamp: string }[];
  }>("GET", `/v1/node/${stub?.ID}`);
  // The drain's own times are cut to whole seconds.
  const last = (message: string): number =>
    Date.parse(Events.findLast(({ Message }) => Message === message)?.Timestamp ?? "");
  const ends = (await live.allocationsOn(instanceId, job)).flatMap(({ TaskStates }) =>
    Object.values(TaskStates ?? {}).map(({ FinishedAt }) => Date.parse(FinishedAt ?? "")),
  );
  const times = {
    began: last("Node drain strategy set"),
    ended: Math.max(...ends),
    closed: last("Node drain complete"),
  };
  if (!Object.values(times).every(Number.isFinite)) throw new Error(`${instanceId} did not drain`);
  return times;
};

/** Lets one instance be retired. What follows its hook goes on beside the next one. */
const retire = async (live: LiveWorld, instanceId: string, job: string): Promise<Added> => {
  await place(live, instanceId, job);
  await live.terminate(instanceId);
  await live.hookDecided(instanceId);
  const { deliveries } = live.world.bus;
  const delivery = deliveries.find(({ event }) =>
    JSON.stringify(event.detail).includes(instanceId),
  );
  if (!delivery) throw new Error(`no event of ${instanceId} was delivered`);
  const answered = live.hookDecidedAt(instanceId);
  const times = await readDrain(live, instanceId, job);
  await live.cluster.purgeJob(job);
  return addedBy({ asked: delivery.at, ...times, answered });
};

/** Drains one instance by the command line. */
const drainByHand = async (
  live: LiveWorld,
  instanceId: string,
  job: string,
  command: (nodeId: string) => Promise<unknown>,
): Promise<Added> => {
  const nodeId = (await live.node(instanceId))?.ID ?? "";
  const eligible = { Eligibility: "eligible" };
  await live.cluster.nomadApi("PUT", `/v1/node/${nodeId}/eligibility`, eligible);
  await place(live, instanceId, job);
  const asked = Date.now();
  await command(nodeId);
  const answered = Date.now();
  const times = await readDrain(live, instanceId, job);
  // Else it would come back to the node as soon as that is eligible again.
  await live.cluster.purgeJob(job);
  return addedBy({ asked, ...times, answered });
};

/** @returns a drain by the command line, with a connection like that of Drover's functions */
const prepareCommand = async ({ cluster }: LiveWorld, folder: string) => {
  for (const [name, text] of Object.entries(cluster.tls)) {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
  }
  const { nomad } = await findOrBuildAgents();
  const env = {
    NOMAD_ADDR: cluster.nomad.address,
    NOMAD_REGION: cluster.nomad.region,
    NOMAD_TOKEN: cluster.management.nomad,
    NOMAD_CACERT: join(folder, "ca"),
    NOMAD_CLIENT_CERT: join(folder, "clientCertificate"),
    NOMAD_CLIENT_KEY: join(folder, "clientKey"),
  };
  return (nodeId: string) =>
    promisify(execFile)(nomad, ["node", "drain", "-enable", "-yes", "-deadline", "30m", nodeId], {
      env,
    });
};

const retireAll = async (live: LiveWorld, report: (line: string) => void) => {
  // What Lambda and Step Functions take around each call is AWS's, and is in the model.
  live.world.containers.setFaults({ coldStart: [0, 0], overhead: [0, 0] });
  const all: Added[] = [];
  let ids: string[] = [];
  let before: string | undefined;
  while (all.length < coldSamples + samples) {
    if (ids.length === 0) ids = await live.scale("bench", batch);
    const instanceId = ids.shift() ?? "";
    if (all.length < coldSamples) {
      // One that works does so for a retirement whose hook is decided: nothing of the next one.
      live.world.containers.kill(({ busy }) => !busy);
    }
    all.push(await retire(live, instanceId, `work-${all.length}`));
    before = instanceId;
    report(`retirement ${all.length} of ${coldSamples + samples}`);
  }
  const path = readCriticalPath(live, live.executionOf(before ?? "")?.executionArn ?? "");
  return { cold: all.slice(0, coldSamples), warm: all.slice(coldSamples), path };
};

const measure = async (report: (line: string) => void) => {
  const folder = mkdtempSync(join(tmpdir(), "drover-bench-"));
  const live = await startLiveWorld({
    pools: [{ pool: "bench", maxCapacity: batch, minCapacity: 0 }],
    // Each machine takes the work that is meant for it alone.
    start: (cluster, { id }) => cluster.addClient({ instanceId: id, pool: id }),
  });
  try {
    const ours = await retireAll(live, report);
    const command = await prepareCommand(live, folder);
    const ids = await live.scale("bench", 2);
    const byHand: Added[] = [];
    for (let number = 0; number < drainsByHand; number += 1) {
      const instanceId = ids[number % ids.length] ?? "";
      byHand.push(await drainByHand(live, instanceId, `by-hand-${number}`, command));
      report(`drain by hand ${number + 1} of ${drainsByHand}`);
    }
    return { ...ours, byHand };
  } finally {
    await live.stop();
    rmSync(folder, { recursive: true });
  }
};

/**
 * What Drover adds to the time that the work takes by itself: from the delivery
 * of the event to the drain, and from the end of the last task to the completion
 * of the hook. With real agents, the synthesized state machine and the real
 * functions, warm; without AWS's own latency and cold starts. Beside it what
 * `nomad node drain` adds to the same work: from its start, and until its end.
 */
export const retireLatency: Benchmark = {
  name: "retire-latency",
  run: async (report) => {
    const { warm, cold, path, byHand } = await measure(report);
    const { start, times } = timeImports([...new Set(path.calls)], importRounds, report);
    const startOf = (task: string): number => (start + (times.get(task) ?? 0)) / 1000;
    const against = (part: keyof Added, scale: number) => ({
      what: "nomad node drain",
      value: medianOf(byHand, part) * scale,
    });
    const part = (what: string, key: keyof Added): Figure => ({
      what,
      value: medianOf(warm, key),
      unit: "ms",
      against: against(key, 1),
    });
    const seconds = (what: string, value: number): Figure => ({
      what,
      value,
      unit: "s",
      against: against("total", 0.001),
    });
    const total = medianOf(warm, "total") / 1000;
    return [
      { ...seconds("added to a drain, without AWS's latency and cold starts", total), aim: 0.3 },
      part("… from the event to the drain", "before"),
      part("… from the last task's end to the hook", "after"),
      part("… of that, until Nomad closes the drain", "nomad"),
      seconds(`modelled on AWS, warm (${assumptions})`, total + modelWarm(path)),
      seconds(
        "modelled on AWS, all cold (and 100 ms a sandbox, Node's start, the imports)",
        medianOf(cold, "total") / 1000 + modelCold(path, startOf),
      ),
    ];
  },
};
