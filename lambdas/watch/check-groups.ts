import * as v from "valibot";
import { groupsClient } from "../clients/groups.ts";
import { instanceTagsClient } from "../clients/instance-tags.ts";
import { poolParametersClient } from "../clients/pool-parameters.ts";
import { parameterSwitches, type Switches } from "../clients/switches.ts";
import { clusterTag } from "../retire/hook-names.ts";
import { parseSettings } from "../runtime/settings.ts";
import { task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { examineGroup } from "./examine-group.ts";
import { examineHeld, examineStrangers, findUnused } from "./examine-others.ts";
import { about, type CheckedGroups, type Finding } from "./findings.ts";
import { inTurns } from "./in-turns.ts";
import { judgeTags } from "./rules/judge-tags.ts";

/** It needs nothing: what is to be checked is in the account. */
const input = v.strictObject({});

const examineStop = async (parameter: string, switches: Switches): Promise<Finding> => {
  const { ok, warning } = about("stop", parameter);
  if (!(await switches.isStopped())) return ok("Drover goes");
  return warning(
    `the parameter does not say "go": Drover holds still, and hooks run to their limits`,
    `set it to "go" when the reason is over; whoever set it may have left a note`,
  );
};

const noPools = (cluster: string): Finding =>
  about("groups", cluster).warning(
    `no Auto Scaling group has the tag ${clusterTag}=${cluster}: there is nothing that Drover could look after`,
    "make a group a pool: drover.manage in the CDK app, or its two tags and its hook (examples/README.md)",
  );

/** Whether the groups are as Drover needs them: tags, hooks, settings, and what others do to them. */
export const createHandler = (surroundings: Surroundings) => {
  const settings = parseSettings("records", surroundings.env);
  const cluster = settings.DROVER_CLUSTER;
  const inventory = groupsClient(surroundings);
  const tags = instanceTagsClient(surroundings);
  const parameters = poolParametersClient(surroundings, settings);

  return task(surroundings, input, async (): Promise<CheckedGroups> => {
    // A new one for each run: what a person has just set is what counts.
    const switches = parameterSwitches(surroundings, settings);
    const stop = await examineStop(settings.DROVER_STOP_PARAMETER, switches);
    const ours = await inventory.tagged(clusterTag, cluster);
    const withParameter = await parameters.pools();
    const sources = { settings, inventory, switches, withParameter };
    const each = await inTurns(ours, (group) => examineGroup(sources, group));
    const findings = [
      stop,
      ...(ours.length === 0 ? [noPools(cluster)] : []),
      ...judgeTags(cluster, ours),
      ...each.flatMap((one) => one.findings),
      ...findUnused(settings, withParameter, ours),
      ...(await examineStrangers(cluster, inventory, ours)),
      ...(await examineHeld(tags, ours)),
    ];
    return {
      findings,
      slots: settings.DROVER_CLUSTER_SLOTS,
      pools: each.flatMap((one) => one.pools),
    };
  });
};

export const handler = wired(createHandler);
