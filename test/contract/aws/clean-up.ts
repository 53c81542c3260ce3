import {
  type AutoScalingClient,
  DeleteAutoScalingGroupCommand,
  paginateDescribeAutoScalingGroups,
} from "@aws-sdk/client-auto-scaling";

import type { Clock } from "../../../lambdas/runtime/clock.ts";
import type { Cloud } from "./cloud.ts";
import { isOurs, runTag } from "./marks.ts";

export interface CleanUpTools {
  readonly autoScaling: AutoScalingClient;
  readonly cloud: Cloud;
  readonly clock: Clock;
  readonly print: (line: string) => void;
}

/** Names of the groups that any run has made. */
export const findGroups = async (client: AutoScalingClient): Promise<readonly string[]> => {
  const found: string[] = [];
  const pages = paginateDescribeAutoScalingGroups(
    { client },
    { Filters: [{ Name: "tag-key", Values: [runTag] }], IncludeInstances: false },
  );
  for await (const { AutoScalingGroups = [] } of pages)
    found.push(
      ...AutoScalingGroups.filter(isOurs).flatMap(
        ({ AutoScalingGroupName }) => AutoScalingGroupName ?? [],
      ),
    );
  return found;
};

/** Begins to delete a group with all that is in it; one that is being deleted is none any more. */
export const deleteGroup = async (client: AutoScalingClient, name: string): Promise<void> => {
  try {
    await client.send(
      new DeleteAutoScalingGroupCommand({ AutoScalingGroupName: name, ForceDelete: true }),
    );
  } catch (error) {
    const isGone = error instanceof Error && /not found|pending delete/i.test(error.message);
    if (!isGone) throw error;
  }
};

/** Milliseconds that AWS may take to delete what has been asked for. */
const patience = 20 * 60_000;
const interval = 10_000;

/**
 * Deletes everything that any run has made: groups first, since they would
 * replace their machines, then machines that belong to none any more, then
 * launch templates and what the other services hold. What cannot be deleted
 * hinders nothing else; AWS refuses for a while what is busy, so that all is tried
 * again until nothing is found.
 *
 * @returns what is still there
 */
export const cleanUp = async (tools: CleanUpTools): Promise<readonly string[]> => {
  const { autoScaling, cloud, clock, print } = tools;
  const end = clock.now() + patience;
  const problems = new Set<string>();
  const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      const problem = `${what}: ${String(error)}`;
      if (!problems.has(problem)) print(problem);
      problems.add(problem);
    }
  };
  const find = async (
    what: string,
    look: () => Promise<readonly string[]>,
  ): Promise<readonly string[] | undefined> => {
    let found: readonly string[] | undefined;
    await attempt(`looking for ${what}`, async () => {
      found = await look();
    });
    return found;
  };

  for (;;) {
    const groups = await find("groups", () => findGroups(autoScaling));
    for (const name of groups ?? [])
      await attempt(`deleting the group ${name}`, () => deleteGroup(autoScaling, name));
    const machines = await find("machines", () => cloud.findMachines());
    // A group ends its machines itself.
    if (groups?.length === 0 && machines && machines.length > 0)
      await attempt(`terminating ${machines.join(", ")}`, () => cloud.terminateMachines(machines));
    const templates = await find("launch templates", () => cloud.findLaunchTemplates());
    if (groups?.length === 0)
      for (const id of templates ?? [])
        await attempt(`deleting the launch template ${id}`, () => cloud.deleteLaunchTemplate(id));
    const held: string[] = [];
    for (const holder of [cloud.channel, ...cloud.holders]) {
      const names = await find(holder.what, () => holder.find());
      held.push(...(names ?? [`${holder.what} that could not be listed`]));
      for (const name of names ?? []) await attempt(`deleting ${name}`, () => holder.remove(name));
    }

    const left = [
      ...(groups ?? ["groups that could not be listed"]),
      ...(machines ?? ["machines that could not be listed"]),
      ...(templates ?? ["launch templates that could not be listed"]),
      ...held,
    ];
    if (left.length === 0 || clock.now() >= end) return left;
    await clock.sleep(interval);
  }
};
