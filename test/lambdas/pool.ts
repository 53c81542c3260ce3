import type { Retirement } from "../../lambdas/retire/retirement.ts";
import type { GroupOptions } from "../../rehearsal/emulators/auto-scaling/auto-scaling.ts";
import type { Instance, LifecycleAction } from "../../rehearsal/emulators/auto-scaling/state.ts";
import { terminating } from "../../rehearsal/emulators/auto-scaling/state.ts";
import type { Bench } from "./bench.ts";
import { executionArnOf } from "./executions.ts";

export const retireHook = {
  name: "drover-default/retire",
  transition: terminating,
  heartbeatTimeout: 1728,
  defaultResult: "CONTINUE",
} as const;

/** The hook of another team on the same group. */
export const othersHook = { ...retireHook, name: "others-hook" };

const managed: GroupOptions = {
  name: "workers",
  max: 20,
  tags: { "drover:cluster": "default", "drover:pool": "workers" },
  hooks: [retireHook],
};

/** Makes a group, by default a managed one, and waits until its machines are in service and ready. */
export const raiseGroup = async (
  bench: Bench,
  options: Partial<GroupOptions> = {},
): Promise<readonly Instance[]> => {
  const group = bench.autoScaling.createGroup({ ...managed, desired: 2, ...options });
  const members = () =>
    bench.autoScaling.instances(group.name).filter(({ state }) => state === "InService");
  await bench.until(() => members().length === group.desired);
  await bench.settle(bench.park.ready(members().map(({ id }) => id)));
  return members();
};

/** Has a group end one instance, and waits until its hooks hold it. */
export const scaleIn = async (bench: Bench, group = "workers") => {
  const { autoScaling } = bench;
  const before = new Set(autoScaling.instances(group).filter(isWaiting));
  autoScaling.scaleTo(group, autoScaling.group(group).desired - 1);
  const leaving = () =>
    autoScaling.instances(group).find((each) => isWaiting(each) && !before.has(each));
  await bench.until(() => leaving() !== undefined);
  const instance = leaving() as Instance;
  return { instance, ...waiting(bench, instance) };
};

const isWaiting = ({ state }: Instance) => state.endsWith(":Wait");

/** The action of Drover's hook, and the event that told of it. */
export const waiting = (bench: Bench, instance: Instance) => {
  const action = instance.actions.findLast(({ hook }) => hook.name === retireHook.name);
  if (action === undefined) throw new Error(`no hook of ours holds ${instance.id}`);
  const event = bench.events.findLast(
    ({ detail }) =>
      (detail as { LifecycleActionToken?: string }).LifecycleActionToken === action.token,
  );
  if (event === undefined) throw new Error(`no event tells of ${instance.id}`);
  return { action, event };
};

export const hookOf = ({ hook, token, startedAt, limitAt }: LifecycleAction) => ({
  name: hook.name,
  token,
  heartbeatSeconds: hook.heartbeatTimeout,
  startedAt: new Date(startedAt).toISOString(),
  deadline: new Date(limitAt).toISOString(),
});

const defaults: Retirement["settings"] = {
  drainDeadlineSeconds: 1800,
  systemDrainDeadlineSeconds: 60,
  onDrainFailure: "continue",
  slots: 1,
  joinGraceSeconds: 600,
  observeOnly: false,
};

export type RetirementChanges = Omit<Partial<Retirement>, "settings"> & {
  readonly settings?: Partial<Retirement["settings"]>;
};

/** What *take ownership* answers for an instance. */
export const retirementOf = (
  bench: Bench,
  instance: Pick<Instance, "id" | "group">,
  { settings, ...changes }: RetirementChanges = {},
): Retirement => ({
  instanceId: instance.id,
  pool: "workers",
  group: instance.group,
  reason: "the group terminates it",
  since: new Date(bench.clock.now()).toISOString(),
  execution: executionArnOf(`retire-${instance.id}`),
  destination: "terminated",
  hook: null,
  capacity: null,
  ...changes,
  settings: { ...defaults, ...settings },
});
