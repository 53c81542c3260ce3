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
import { about, type CheckedGroups, condense, type Finding } from "./findings.ts";
import { inTurns } from "./in-turns.ts";
import { explainUnseen } from "./rules/explain-not-run.ts";
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

/** What the work finds; or else that it is unknown, which keeps nothing else from being looked at. */
const orTell = async (title: string, work: () => Promise<Finding[]>): Promise<Finding[]> => {
  try {
    return await work();
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    return [explainUnseen(title, { Error: name, Cause: message })];
  }
};

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
    let withParameter: ReadonlySet<string> | undefined;
    const unused = await orTell("the pools' parameters", async () => {
      withParameter = await parameters.pools();
      return findUnused(settings, withParameter, ours);
    });
    const sources = { settings, inventory, switches, withParameter };
    const each = await inTurns(ours, (group) => examineGroup(sources, group));
    const findings = [
      stop,
      ...(ours.length === 0 ? [noPools(cluster)] : []),
      ...judgeTags(cluster, ours),
      ...each.flatMap((one) => one.findings),
      ...unused,
      ...(await orTell("the other groups' hooks", () =>
        examineStrangers(cluster, inventory, ours),
      )),
      ...(await orTell("the instances' tags", () => examineHeld(tags, ours))),
    ];
    return {
      findings: condense(findings),
      slots: settings.DROVER_CLUSTER_SLOTS,
      pools: each.flatMap((one) => one.pools),
    };
  });
};

export const handler = wired(createHandler);
