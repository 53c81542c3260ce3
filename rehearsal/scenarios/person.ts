import {
  AutoScalingClient,
  CompleteLifecycleActionCommand,
  DetachInstancesCommand,
} from "@aws-sdk/client-auto-scaling";
import { SFNClient, StartExecutionCommand, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { holdTag } from "../../lambdas/retire/hook-names.ts";
import type { Service } from "../emulators/service.ts";
import { serveInProcess } from "../wire.ts";
import { account, region, type World } from "../world.ts";
import type { EmulatedPark } from "../world/emulated-park.ts";
import { foreignAccessKey } from "../world/sdk-environment.ts";

/** Somebody who works on the same cluster by hand, with every right there is. */
export interface Person {
  /** Drains a node as `nomad node drain -enable` does. @param deadlineSeconds - none: no deadline */
  drain(
    instanceId: string,
    options?: { readonly deadlineSeconds?: number; readonly ignoreSystemJobs?: boolean },
  ): Promise<void>;
  cancelDrain(instanceId: string): Promise<void>;
  cordon(instanceId: string): Promise<void>;
  uncordon(instanceId: string): Promise<void>;
  purge(instanceId: string): Promise<void>;
  /** Tags an instance so that Drover starts nothing on it by itself. */
  hold(instanceId: string): void;
  /** Writes the stop parameter: `go`, or anything else. */
  setStop(value: string): void;
  /** Writes the settings of the pool, in place of what they were. */
  setPool(settings: Readonly<Record<string, unknown>>): void;
  /** Starts the state machine in the console. */
  retire(instanceId: string, capacity?: "replace" | "shrink"): Promise<void>;
  /** Stops the execution that retires an instance. @returns its name; undefined when none runs */
  stop(instanceId: string): Promise<string | undefined>;
  /** Takes an instance out of its group, which launches another one; it runs on. */
  detach(instanceId: string): Promise<void>;
  /** Lets an instance go, whatever Drover still does. @returns whether a hook of Drover's held it */
  completeHook(instanceId: string): Promise<boolean>;
}

const nanoseconds = 1e9;

/** @param world - with emulated machines */
export const createPerson = (world: World): Person => {
  const park = world.park as EmulatedPark;
  const nodePath = (instanceId: string, what: string): string => {
    const node = park.nomad.truth.node(instanceId);
    if (node === undefined) throw new Error(`Nomad has no node of ${instanceId}`);
    return `/v1/node/${node.ID}/${what}`;
  };
  const setEligibility = (instanceId: string, Eligibility: string) =>
    park.operate(nodePath(instanceId, "eligibility"), { Eligibility });
  const parameterNamed = (matches: (name: string) => boolean): string => {
    const found = world.stack.parameters.find(({ name }) => matches(name));
    if (found === undefined) throw new Error("the template has no such parameter");
    return found.name;
  };
  const clientOf = (service: Service) => ({
    region,
    credentials: { accessKeyId: foreignAccessKey, secretAccessKey: "of no use anywhere" },
    requestHandler: serveInProcess(service, { clock: world.clock }),
  });
  const client = new SFNClient(clientOf(world.stepFunctions.service));
  const autoScaling = new AutoScalingClient(clientOf(world.autoScaling.service));
  let orders = 0;

  return {
    drain: (instanceId, { deadlineSeconds = 0, ignoreSystemJobs = false } = {}) =>
      park.operate(nodePath(instanceId, "drain"), {
        DrainSpec: { Deadline: deadlineSeconds * nanoseconds, IgnoreSystemJobs: ignoreSystemJobs },
      }),
    cancelDrain: (instanceId) =>
      park.operate(nodePath(instanceId, "drain"), { DrainSpec: null, MarkEligible: true }),
    cordon: (instanceId) => setEligibility(instanceId, "ineligible"),
    uncordon: (instanceId) => setEligibility(instanceId, "eligible"),
    purge: (instanceId) => park.operate(nodePath(instanceId, "purge"), {}),
    hold: (instanceId) =>
      world.tags.put(
        `arn:aws:ec2:${region}:${account}:instance/${instanceId}`,
        holdTag,
        "by a person",
      ),
    setStop: (value) =>
      world.ssm.put(
        parameterNamed((name) => name.endsWith("/stop")),
        value,
      ),
    setPool: (settings) =>
      world.ssm.put(
        parameterNamed((name) => name.includes("/pools/")),
        JSON.stringify(settings),
      ),
    retire: async (instanceId, capacity) => {
      orders += 1;
      const stateMachineArn = world.stack.stateMachines.find(({ arn }) =>
        arn.endsWith("retire-node"),
      )?.arn;
      await client.send(
        new StartExecutionCommand({
          stateMachineArn,
          name: `by-hand-${orders}`,
          input: JSON.stringify({ instanceId, ...(capacity && { capacity }) }),
        }),
      );
    },
    stop: async (instanceId) => {
      const running = world.stepFunctions.executions().findLast(({ status, input }) => {
        const given = JSON.parse(input) as { readonly instanceId?: unknown } | null;
        return status === "RUNNING" && given?.instanceId === instanceId;
      });
      if (running === undefined) return undefined;
      const { executionArn, name } = running;
      await client.send(new StopExecutionCommand({ executionArn, cause: "stopped by a person" }));
      return name;
    },
    detach: async (instanceId) => {
      await autoScaling.send(
        new DetachInstancesCommand({
          AutoScalingGroupName: world.autoScaling.instance(instanceId).group,
          InstanceIds: [instanceId],
          ShouldDecrementDesiredCapacity: false,
        }),
      );
    },
    completeHook: async (instanceId) => {
      const { actions, group } = world.autoScaling.instance(instanceId);
      const action = actions.find(
        ({ hook, outcome }) => outcome === undefined && hook.name.startsWith("drover-"),
      );
      if (action === undefined) return false;
      await autoScaling.send(
        new CompleteLifecycleActionCommand({
          AutoScalingGroupName: group,
          LifecycleHookName: action.hook.name,
          InstanceId: instanceId,
          LifecycleActionResult: "CONTINUE",
        }),
      );
      return true;
    },
  };
};
