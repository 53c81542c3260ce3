import type { Api } from "./api.ts";
import type { LiveCluster } from "./live-cluster.ts";
import { waitFor } from "./polling.ts";

const settled = new Set(["running", "complete"]);
const stopped = new Set(["complete", "failed", "lost"]);

/** Runs and ends jobs of a cluster in its default namespace. */
export const controlJobs = (nomad: Api): Pick<LiveCluster, "runJob" | "purgeJob"> => {
  const readStatuses = async (jobId: string): Promise<string[]> => {
    const path = `/v1/job/${encodeURIComponent(jobId)}/allocations?all=true`;
    const allocations = await nomad.call<{ ClientStatus: string }[]>("GET", path);
    return allocations.map((allocation) => allocation.ClientStatus);
  };
  return {
    runJob: async (job) => {
      await nomad.call("POST", "/v1/jobs", { Job: job });
      await waitFor(`all of ${job.ID} to run`, async () => {
        const statuses = await readStatuses(job.ID);
        return statuses.length > 0 && statuses.every((status) => settled.has(status));
      });
    },
    purgeJob: async (jobId) => {
      await nomad.call("DELETE", `/v1/job/${encodeURIComponent(jobId)}?purge=true`);
      // The allocations of a purged job are still listed under its id.
      await waitFor(`all of ${jobId} to stop`, async () => {
        const statuses = await readStatuses(jobId);
        return statuses.every((status) => stopped.has(status));
      });
    },
  };
};
