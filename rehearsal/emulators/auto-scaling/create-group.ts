import { uuid } from "../../random.ts";
import type { Group, Hook, LaunchTemplate, WarmPool } from "./state.ts";
import type { World } from "./world.ts";

export interface GroupOptions {
  readonly name: string;
  readonly min?: number;
  readonly max?: number;
  readonly desired?: number;
  /** Tags that are not handed on to instances. */
  readonly tags?: Readonly<Record<string, string>>;
  readonly hooks?: readonly Hook[];
  readonly zones?: readonly string[];
  readonly instanceType?: string;
  readonly launchTemplate?: LaunchTemplate;
  readonly newInstancesProtected?: boolean;
  readonly onAbandon?: Group["onAbandon"];
  readonly warmPool?: WarmPool;
}

/** Makes a group, which begins to launch its instances. */
export const createGroup = (world: World, options: GroupOptions): Group => {
  if (world.groups.has(options.name)) throw new Error(`there is a group ${options.name}`);
  const { region, account } = world.source;
  const desired = options.desired ?? options.min ?? 0;
  const created: Group = {
    name: options.name,
    arn: `arn:aws:autoscaling:${region}:${account}:autoScalingGroup:${uuid(world.random)}:autoScalingGroupName/${options.name}`,
    createdAt: world.now(),
    zones: options.zones ?? ["a", "b", "c"].map((letter) => `${region}${letter}`),
    instanceType: options.instanceType ?? "m7g.large",
    min: options.min ?? 0,
    max: options.max ?? Math.max(desired, 1),
    desired,
    launchTemplate: options.launchTemplate ?? {
      id: "lt-0123456789abcdef0",
      name: options.name,
      version: "1",
    },
    newInstancesProtected: options.newInstancesProtected ?? false,
    onAbandon: options.onAbandon ?? "terminate",
    tags: new Map(
      Object.entries(options.tags ?? {}).map(([key, value]) => [
        key,
        { key, value, propagateAtLaunch: false },
      ]),
    ),
    hooks: new Map((options.hooks ?? []).map((hook) => [hook.name, hook])),
    instances: new Map(),
    suspended: new Set(),
    warmPool: options.warmPool,
    refreshes: [],
  };
  world.groups.set(created.name, created);
  world.reconsider(created);
  return created;
};
