import type { Agenda } from "../../agenda.ts";
import { type Random, uuid } from "../../random.ts";
import { goTime } from "../hashicorp/go-json.ts";
import type { Leadership } from "../hashicorp/leadership.ts";
import type { Allocation, Deployment, Job } from "./records.ts";
import { isClientTerminal, jobKey } from "./records.ts";
import type { State } from "./state.ts";

/** The deployments of services: how far each version has come, and what becomes of it. */
export interface Deployments {
  /** The one of a version; made at the first evaluation that has something to do for it. */
  of(job: Job): Deployment | undefined;
  start(job: Job): Deployment;
  /** An allocation was taken over into a version without a restart: its health is watched anew. */
  noteUpdatedInPlace(alloc: Allocation): void;
}

/** After a change the watcher waits this long before it has the job looked at. */
const BATCH_PERIOD = 1020;

const RUNNING = "Deployment is running";
const SUCCESSFUL = "Deployment completed successfully";
const NEWER = "Cancelled due to newer version of job";
const NO_PROGRESS = "Failed due to progress deadline";

/**
 * The leader's deployment watcher. Its clock starts with the first placement: a deployment for
 * which nothing has room makes no progress and never fails.
 *
 * @param deps.random - of its own, so that ids of deployments change nothing else in a world
 * @param deps.evaluate - has a job looked at again
 * @param deps.revert - registers an old version as a new one
 */
export const createDeployments = (deps: {
  state: State;
  agenda: Agenda;
  random: Random;
  now: () => number;
  leadership: Leadership;
  evaluate: (key: string) => void;
  revert: (to: Job) => void;
}): Deployments => {
  const { state, agenda, now, leadership } = deps;
  const byVersion = new Map<Job, Deployment>();
  const jobs = new Map<string, Job>();
  const stable = new Map<string, Job>();
  const deadlines = new Map<string, () => void>();

  const end = (deployment: Deployment, status: Deployment["Status"], description: string) => {
    deployment.Status = status;
    deployment.StatusDescription = description;
    deadlines.get(deployment.ID)?.();
    deadlines.delete(deployment.ID);
    state.putDeployment(deployment);
  };

  const fail = (deployment: Deployment) => {
    const job = jobs.get(deployment.ID)!;
    const reverts = Object.values(deployment.TaskGroups).some((group) => group.AutoRevert);
    const back = reverts ? stable.get(jobKey(job)) : undefined;
    const what = back
      ? `${NO_PROGRESS} - rolling back to job version ${back.Version}`
      : NO_PROGRESS;
    end(deployment, "failed", what);
    if (back) deps.revert(back);
  };

  /** Each healthy allocation is progress, and moves the deadline. */
  const expectProgress = (deployment: Deployment) => {
    deadlines.get(deployment.ID)?.();
    const times = Object.values(deployment.TaskGroups).flatMap((group) =>
      group.RequireProgressBy && group.HealthyAllocs < group.DesiredTotal
        ? [Date.parse(group.RequireProgressBy)]
        : [],
    );
    if (times.length === 0) return;
    const cancel = agenda.at(Math.min(...times), () =>
      leadership.whenLed(() => {
        if (deployment.Status === "running") fail(deployment);
      }),
    );
    deadlines.set(deployment.ID, cancel);
  };

  const count = (deployment: Deployment, job: Job): boolean => {
    let progressed = false;
    for (const group of job.TaskGroups) {
      const known = deployment.TaskGroups[group.Name]!;
      const own = [...state.allocsByJob(jobKey(job))].filter(
        (alloc) => alloc.DeploymentID === deployment.ID && alloc.TaskGroup === group.Name,
      );
      const healthy = own.filter((alloc) => alloc.DeploymentStatus?.Healthy === true).length;
      if (healthy > known.HealthyAllocs || (own.length > 0 && known.PlacedAllocs === 0)) {
        known.RequireProgressBy = goTime(now() + known.ProgressDeadline / 1e6);
        progressed = true;
      }
      known.PlacedAllocs = own.length;
      known.HealthyAllocs = healthy;
      known.UnhealthyAllocs = own.filter(
        (alloc) => alloc.DeploymentStatus?.Healthy === false,
      ).length;
    }
    return progressed;
  };

  state.onAlloc((alloc) => {
    const deployment = state.deployments.get(alloc.DeploymentID);
    if (deployment?.Status !== "running") return;
    const job = jobs.get(deployment.ID)!;
    if (!count(deployment, job)) return;
    const groups = Object.values(deployment.TaskGroups);
    if (groups.every((group) => group.HealthyAllocs >= group.DesiredTotal)) {
      stable.set(jobKey(job), job);
      return end(deployment, "successful", SUCCESSFUL);
    }
    state.putDeployment(deployment);
    expectProgress(deployment);
    if (alloc.DeploymentStatus?.Healthy && state.isUpdating(job)) {
      agenda.after(BATCH_PERIOD, () => deps.evaluate(jobKey(job)));
    }
  });

  return {
    of: (job) => byVersion.get(job),

    start(job) {
      for (const older of state.deploymentsByJob(jobKey(job))) {
        if (older.Status === "running") end(older, "cancelled", NEWER);
      }
      const deployment: Deployment = {
        ID: uuid(deps.random),
        Namespace: job.Namespace,
        JobID: job.ID,
        JobVersion: job.Version,
        JobModifyIndex: job.JobModifyIndex,
        JobCreateIndex: job.CreateIndex,
        IsMultiregion: false,
        Status: "running",
        StatusDescription: RUNNING,
        TaskGroups: Object.fromEntries(
          job.TaskGroups.map((group) => [
            group.Name,
            {
              AutoRevert: group.Update?.AutoRevert ?? false,
              AutoPromote: false,
              ProgressDeadline: group.Update?.ProgressDeadline ?? 0,
              RequireProgressBy: null,
              Promoted: false,
              PlacedCanaries: null,
              DesiredCanaries: 0,
              DesiredTotal: group.Count,
              PlacedAllocs: 0,
              HealthyAllocs: 0,
              UnhealthyAllocs: 0,
            },
          ]),
        ),
        CreateIndex: 0,
        ModifyIndex: 0,
      };
      byVersion.set(job, deployment);
      jobs.set(deployment.ID, job);
      state.putDeployment(deployment);
      return deployment;
    },

    noteUpdatedInPlace(alloc) {
      const group = alloc.Job.TaskGroups.find((one) => one.Name === alloc.TaskGroup);
      const { DeploymentID } = alloc;
      agenda.after((group?.Update?.MinHealthyTime ?? 0) / 1e6, () => {
        const isSame = alloc.DeploymentID === DeploymentID && !isClientTerminal(alloc);
        if (!isSame || alloc.ClientStatus !== "running") return;
        const Timestamp = new Date(now()).toISOString();
        alloc.DeploymentStatus = { Healthy: true, Timestamp, Canary: false, ModifyIndex: 0 };
        state.putAllocs([alloc], now());
      });
    },
  };
};
