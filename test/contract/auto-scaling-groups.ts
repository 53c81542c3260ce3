import {
  CompleteLifecycleActionCommand,
  CreateAutoScalingGroupCommand,
  DescribeAutoScalingGroupsCommand,
  DescribeAutoScalingInstancesCommand,
  RecordLifecycleActionHeartbeatCommand,
  ResumeProcessesCommand,
  SetDesiredCapacityCommand,
  SuspendProcessesCommand,
  TerminateInstanceInAutoScalingGroupCommand,
} from "@aws-sdk/client-auto-scaling";
import type {
  AutoScalingGroup,
  CreateAutoScalingGroupCommandInput,
  LifecycleHookSpecification,
} from "@aws-sdk/client-auto-scaling";

import { type AutoScalingTarget } from "./auto-scaling-target.ts";
import { eventually } from "./eventually.ts";

export const launchHook = {
  LifecycleHookName: "launch",
  LifecycleTransition: "autoscaling:EC2_INSTANCE_LAUNCHING",
  HeartbeatTimeout: 1800,
  DefaultResult: "CONTINUE",
} as const satisfies LifecycleHookSpecification;

export const terminateHook = {
  LifecycleHookName: "terminate",
  LifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
  HeartbeatTimeout: 1800,
  DefaultResult: "CONTINUE",
} as const satisfies LifecycleHookSpecification;

export interface GroupRequest {
  readonly desired?: number;
  readonly min?: number;
  readonly max?: number;
  readonly hooks?: readonly LifecycleHookSpecification[];
  readonly retain?: boolean;
  readonly protect?: boolean;
  /** In how many zones. @default 1 */
  readonly zones?: number;
}

/** Seconds in which AWS launches or ends a machine. */
export const aLaunch = 300;

/** A group of one case, and what is done to it. */
export interface TrialGroup {
  readonly name: string;
  describe(): Promise<AutoScalingGroup>;
  /** Lifecycle states by instance. */
  states(): Promise<ReadonlyMap<string, string>>;
  inState(state: string): Promise<readonly string[]>;
  /** Waits until a number of instances are in a state; gives them. */
  untilIn(state: string, count?: number): Promise<readonly string[]>;
  scale(desired: number): Promise<void>;
  suspend(...processes: string[]): Promise<void>;
  resume(...processes: string[]): Promise<void>;
  complete(instanceId: string, result: "CONTINUE" | "ABANDON", hook?: string): Promise<void>;
  heartbeat(instanceId: string, hook?: string): Promise<void>;
}

/** The state of one instance; undefined when no group has it. */
export const stateOf = async (
  { client }: AutoScalingTarget,
  instanceId: string,
): Promise<string | undefined> => {
  const { AutoScalingInstances } = await client.send(
    new DescribeAutoScalingInstancesCommand({ InstanceIds: [instanceId] }),
  );
  return AutoScalingInstances?.[0]?.LifecycleState;
};

export const untilState = (
  target: AutoScalingTarget,
  instanceId: string,
  state: string | undefined,
): Promise<true> =>
  eventually(target, `${instanceId} is ${state ?? "gone"}`, aLaunch, async () =>
    (await stateOf(target, instanceId)) === state ? true : undefined,
  );

export const terminate = async (
  { client }: AutoScalingTarget,
  InstanceId: string,
  ShouldDecrementDesiredCapacity = false,
): Promise<void> => {
  await client.send(
    new TerminateInstanceInAutoScalingGroupCommand({ InstanceId, ShouldDecrementDesiredCapacity }),
  );
};

export const groupInput = (
  target: AutoScalingTarget,
  name: string,
  request: GroupRequest,
): CreateAutoScalingGroupCommandInput => {
  const { desired = 1, min = 0, max = 4, hooks, zones = 1 } = request;
  return {
    AutoScalingGroupName: name,
    LaunchTemplate: target.launchTemplate,
    MinSize: min,
    MaxSize: max,
    DesiredCapacity: desired,
    VPCZoneIdentifier: target.subnets.slice(0, zones).join(","),
    NewInstancesProtectedFromScaleIn: request.protect ?? false,
    Tags: [...target.tags],
    ...(hooks && { LifecycleHookSpecificationList: [...hooks] }),
    ...(request.retain && {
      InstanceLifecyclePolicy: { RetentionTriggers: { TerminateHookAbandon: "retain" } },
    }),
  };
};

/** Makes a group and does not wait for its instances. */
export const makeGroup = async (
  target: AutoScalingTarget,
  request: GroupRequest = {},
): Promise<TrialGroup> => {
  const { client } = target;
  const name = target.newName();
  const named = { AutoScalingGroupName: name };
  await client.send(new CreateAutoScalingGroupCommand(groupInput(target, name, request)));

  const describe = async (): Promise<AutoScalingGroup> => {
    const { AutoScalingGroups } = await client.send(
      new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [name] }),
    );
    const found = AutoScalingGroups?.[0];
    if (!found) throw new Error(`the group ${name} is gone`);
    return found;
  };
  const states = async () =>
    new Map(
      ((await describe()).Instances ?? []).map(({ InstanceId, LifecycleState }) => [
        InstanceId ?? "",
        LifecycleState ?? "",
      ]),
    );
  const inState = async (state: string) =>
    [...(await states())].filter(([, each]) => each === state).map(([id]) => id);
  const action = (InstanceId: string, LifecycleHookName: string) => ({
    ...named,
    InstanceId,
    LifecycleHookName,
  });
  return {
    name,
    describe,
    states,
    inState,
    untilIn: (state, count = 1) =>
      eventually(target, `${count} of ${name} are ${state}`, aLaunch, async () => {
        const found = await inState(state);
        return found.length === count && found;
      }),
    async scale(DesiredCapacity) {
      await client.send(new SetDesiredCapacityCommand({ ...named, DesiredCapacity }));
    },
    async suspend(...names) {
      // Without any it means all of them.
      const which = names.length > 0 ? { ScalingProcesses: names } : {};
      await client.send(new SuspendProcessesCommand({ ...named, ...which }));
    },
    async resume(...ScalingProcesses) {
      await client.send(new ResumeProcessesCommand({ ...named, ScalingProcesses }));
    },
    async complete(instanceId, LifecycleActionResult, hook = "terminate") {
      await client.send(
        new CompleteLifecycleActionCommand({ ...action(instanceId, hook), LifecycleActionResult }),
      );
    },
    async heartbeat(instanceId, hook = "terminate") {
      await client.send(new RecordLifecycleActionHeartbeatCommand(action(instanceId, hook)));
    },
  };
};

/** Makes a group and waits until all of it is in service; gives its instances too. */
export const settledGroup = async (
  target: AutoScalingTarget,
  request: GroupRequest = {},
): Promise<readonly [group: TrialGroup, ...instances: string[]]> => {
  const group = await makeGroup(target, request);
  const instances = await group.untilIn("InService", request.desired ?? 1);
  return [group, ...instances];
};

/** A group of which one instance waits in its termination hooks. */
export const waitingGroup = async (
  target: AutoScalingTarget,
  request: GroupRequest = {},
  state = "Terminating:Wait",
): Promise<readonly [group: TrialGroup, instance: string]> => {
  const [group, instance = ""] = await settledGroup(target, { hooks: [terminateHook], ...request });
  await terminate(target, instance, true);
  await untilState(target, instance, state);
  return [group, instance];
};
