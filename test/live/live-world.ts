import assert from "node:assert/strict";
import {
  AutoScalingClient,
  TerminateInstanceInAutoScalingGroupCommand,
} from "@aws-sdk/client-auto-scaling";
import { SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
import { systemClock } from "../../lambdas/runtime/clock.ts";
import { poolTag } from "../../lambdas/retire/hook-names.ts";
import { type ReferencePool, synthesizeReference } from "../../infra/reference-app.ts";
import { type LiveCluster, startLiveCluster } from "../../rehearsal/agents/cluster.ts";
import type { Instance } from "../../rehearsal/emulators/auto-scaling/state.ts";
import type { Execution } from "../../rehearsal/emulators/step-functions.ts";
import { serveInProcess } from "../../rehearsal/wire.ts";
import { createLivePark, endpointsOf } from "../../rehearsal/world/live-park.ts";
import { isolateSdk, warmSdk } from "../../rehearsal/world/sdk-environment.ts";
import { createWorld, region, type World } from "../../rehearsal/world.ts";

export interface LiveWorldOptions {
  /** One group each, with no instance at first. */
  readonly pools: readonly ReferencePool[];
  /** Of the whole cluster. @default 3 */
  readonly slots?: number;
  /** Starts the machine of an instance in a way of its own; undefined leaves it to the world. */
  readonly start?: (cluster: LiveCluster, instance: Instance, pool: string) => Promise<unknown>;
}

/** What an execution of `retire-node` leaves, as far as tests look at it. */
export interface Output {
  readonly drain: "clean" | "forced" | "none";
  readonly hook: string | null;
  readonly end: string | null;
  readonly node: { readonly id: string } | null;
  readonly forgotten: { readonly nomad: string; readonly consul: string } | null;
  readonly cutOff: readonly { readonly job: string; readonly why: string }[];
  readonly explanation: string;
}

export interface LiveAllocation {
  readonly ID: string;
  readonly JobID: string;
  readonly NodeID: string;
  readonly NodeName: string;
  readonly ClientStatus: string;
  readonly DesiredStatus: string;
  readonly NextAllocation: string;
  readonly TaskStates: Readonly<
    Record<string, { readonly State: string; readonly FinishedAt: string | null }>
  > | null;
}

/** An account with Drover deployed in it, whose machines are real agents. */
export class LiveWorld {
  readonly cluster: LiveCluster;
  readonly world: World;
  readonly #stop: () => Promise<void>;
  readonly #groups: ReadonlyMap<string, string>;

  constructor(
    cluster: LiveCluster,
    world: World,
    groups: ReadonlyMap<string, string>,
    stop: () => Promise<void>,
  ) {
    this.cluster = cluster;
    this.world = world;
    this.#groups = groups;
    this.#stop = stop;
  }

  stop(): Promise<void> {
    return this.#stop();
  }

  group(pool: string): string {
    const name = this.#groups.get(pool);
    assert.ok(name, `there is no pool ${pool}`);
    return name;
  }

  /** Brings a pool to a size; gives the ids of its instances in service, the oldest first. */
  async scale(pool: string, size: number): Promise<string[]> {
    const group = this.group(pool);
    this.world.autoScaling.scaleTo(group, size);
    const members = () =>
      this.world.autoScaling.instances(group).filter(({ state }) => state === "InService");
    await this.cluster.waitFor(`${size} instances of ${pool}`, () => members().length === size);
    const ids = members().map(({ id }) => id);
    await this.world.park.ready(ids);
    return ids;
  }

  /** Has the group terminate one instance, as a person or a scale-in does. */
  async terminate(instanceId: string): Promise<void> {
    const { service } = this.world.autoScaling;
    const client = new AutoScalingClient({
      region,
      requestHandler: serveInProcess(service, { clock: systemClock }),
    });
    await client.send(
      new TerminateInstanceInAutoScalingGroupCommand({
        InstanceId: instanceId,
        ShouldDecrementDesiredCapacity: true,
      }),
    );
  }

  /**
   * Starts a state machine, as a person does in the console.
   *
   * @param machine - end of its name
   */
  async startByHand(name: string, input: unknown, machine = "retire-node"): Promise<Execution> {
    const { service } = this.world.stepFunctions;
    const client = new SFNClient({
      region,
      requestHandler: serveInProcess(service, { clock: systemClock }),
    });
    const stateMachineArn = this.world.stack.stateMachines.find(({ arn }) =>
      arn.endsWith(machine),
    )?.arn;
    const { executionArn } = await client.send(
      new StartExecutionCommand({
        stateMachineArn,
        name,
        input: JSON.stringify(input),
      }),
    );
    const execution = this.world.stepFunctions
      .executions()
      .find((each) => each.executionArn === executionArn);
    assert.ok(execution);
    return execution;
  }

  /** The execution that handles an instance. */
  executionOf(instanceId: string): Execution | undefined {
    return this.world.stepFunctions
      .executions()
      .findLast(({ input }) => input.includes(instanceId));
  }

  /** Resolves when the retirement of an instance has ended, with what it leaves. */
  async retired(instanceId: string, withinMs = 240_000): Promise<Output> {
    const execution = await this.ended(instanceId, withinMs);
    assert.equal(execution.status, "SUCCEEDED", `${execution.error}: ${execution.cause}`);
    return JSON.parse(execution.output ?? "{}") as Output;
  }

  ended(instanceId: string, withinMs = 240_000): Promise<Execution> {
    return this.cluster.waitFor(
      `the end of the retirement of ${instanceId}`,
      () => {
        const execution = this.executionOf(instanceId);
        return execution && execution.status !== "RUNNING" ? execution : undefined;
      },
      withinMs,
    );
  }

  /** How Drover's hook on an instance was decided; undefined while it waits. */
  hookOf(instanceId: string): string | undefined {
    const action = this.world.autoScaling
      .instance(instanceId)
      .actions.findLast(({ hook }) => hook.name.startsWith("drover-"));
    return action?.outcome && `${action.outcome.result} ${action.outcome.how}`;
  }

  hookDecided(instanceId: string, withinMs = 120_000): Promise<string> {
    return this.cluster.waitFor(
      `the decision on ${instanceId}`,
      () => this.hookOf(instanceId),
      withinMs,
    );
  }

  /** When the hook of an instance was decided, in milliseconds since the epoch. */
  hookDecidedAt(instanceId: string): number {
    const action = this.world.autoScaling
      .instance(instanceId)
      .actions.findLast(({ hook }) => hook.name.startsWith("drover-"));
    return action?.outcome?.at ?? Number.NaN;
  }

  allocationsOf(jobId: string): Promise<LiveAllocation[]> {
    return this.cluster.nomadApi<LiveAllocation[]>("GET", `/v1/job/${jobId}/allocations`);
  }

  /** The allocations of a job on the machine of an instance. */
  async allocationsOn(instanceId: string, jobId: string): Promise<LiveAllocation[]> {
    const all = await this.allocationsOf(jobId);
    return all.filter(({ NodeName }) => NodeName === instanceId);
  }

  async node(instanceId: string) {
    interface Stub {
      readonly ID: string;
      readonly Name: string;
      readonly Status: string;
      readonly SchedulingEligibility: string;
      readonly Drain: boolean;
      readonly LastDrain: { readonly Status: string } | null;
    }
    const nodes = await this.cluster.nomadApi<Stub[]>("GET", "/v1/nodes");
    return nodes.find(({ Name }) => Name === instanceId);
  }

  /** Waits until Nomad says that a node drains, or has drained. */
  draining(instanceId: string, withinMs = 60_000): Promise<true> {
    return this.cluster.waitFor(
      `the drain of ${instanceId}`,
      async () => ((await this.node(instanceId))?.LastDrain ? true : undefined),
      withinMs,
    );
  }

  /** That neither Nomad nor Consul knows an instance any more. */
  async assertForgotten(instanceId: string): Promise<void> {
    const { nodes, members } = await this.world.park.look();
    assert.ok(!nodes.some(({ name }) => name === instanceId), `Nomad remembers ${instanceId}`);
    assert.ok(!members.includes(instanceId), `Consul remembers ${instanceId}`);
  }
}

/** Starts a cluster of real agents, and an account in which Drover manages some pools of it. */
export const startLiveWorld = async ({
  pools,
  slots = 3,
  start,
}: LiveWorldOptions): Promise<LiveWorld> => {
  const putBack = isolateSdk();
  const cluster = await startLiveCluster();
  try {
    const { template } = synthesizeReference({
      ...endpointsOf(cluster),
      slots,
      pools: pools.map((pool) => ({ minCapacity: 0, maxCapacity: 4, ...pool })),
    });
    await warmSdk();
    const groups = new Map<string, string>();
    const poolOf = ({ group }: Instance): string =>
      [...groups].find(([, name]) => name === group)?.[0] ?? "none";
    const park = createLivePark(cluster, {
      start: (instance) => {
        const pool = poolOf(instance);
        return (
          start?.(cluster, instance, pool) ?? cluster.addClient({ instanceId: instance.id, pool })
        );
      },
    });
    const world = createWorld({
      template,
      park,
      clock: systemClock,
      seed: 1,
      delays: { launch: [0, 300], shutDown: [300, 1_000], forget: [300, 1_000] },
    });
    for (const group of world.stack.groups) {
      world.autoScaling.createGroup({ ...group, desired: 0 });
      groups.set(group.tags?.[poolTag] ?? group.name, group.name);
    }
    return new LiveWorld(cluster, world, groups, async () => {
      world.close();
      // A function whose execution was stopped goes on, as on Lambda, and would keep the process.
      world.containers.kill(() => true);
      await park.close();
      putBack();
    });
  } catch (error) {
    await cluster.stop();
    putBack();
    throw error;
  }
};
