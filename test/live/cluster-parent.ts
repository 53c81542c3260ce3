/**
 * A process that has a cluster and waits to be killed: the other half of a test. It prints the
 * cluster's folder once a job is running there.
 */
import { startLiveCluster } from "../../rehearsal/agents/cluster.ts";
import { composeSleepJob } from "../../rehearsal/agents/jobs.ts";

const cluster = await startLiveCluster();
await cluster.addClient({ instanceId: "i-00000000000000f00" });
await cluster.runJob(composeSleepJob("orphan"));
process.stdout.write(`${cluster.folder}\n`);
// Stays alive, whatever the cluster's own handles do.
setInterval(() => undefined, 60_000);
