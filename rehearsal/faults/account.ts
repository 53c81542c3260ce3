import { moment, minute, oneOf, whole } from "./draw.ts";
import type { Fault, Scene } from "./fault.ts";
import { deployVersions } from "./deploy.ts";

/** Something that happens to one of the instances that leave, as soon as one does, or to the one that is named. */
export const whenLeaving = async (
  { leaving, world, instanceId }: Scene,
  index: number,
  happen: (instanceId: string) => void | Promise<void>,
): Promise<void> => {
  if (instanceId !== undefined) return happen(instanceId);
  for (let tries = 0; tries < 60; tries += 1) {
    const found = leaving();
    const instance = found[index % Math.max(1, found.length)];
    if (instance !== undefined) {
      await happen(instance.id);
      return;
    }
    await world.clock.sleep(1000);
  }
};

/** Whether there ever was an execution for an instance, and so a record of it. */
const isKnown = ({ world }: Scene, instanceId: string): boolean =>
  world.stepFunctions.executions().some(({ input }) => {
    const given = JSON.parse(input) as { readonly instanceId?: unknown } | null;
    return given?.instanceId === instanceId;
  });

const isHookOver = ({ world }: Scene, instanceId: string): boolean =>
  world.autoScaling
    .instance(instanceId)
    .actions.some(({ hook, outcome }) => hook.name.startsWith("drover-") && outcome !== undefined);

/**
 * To be called when the hook of an instance is over, and not by Drover. As long as
 * its hook waits, an instance that nobody takes care of is found; of one that is
 * gone no record says that it was ever Drover's.
 */
export const excuseUnknown = (scene: Scene, instanceId: string): void => {
  if (isKnown(scene, instanceId)) return;
  const why = "it was gone before anything of Drover's took care of it";
  for (const invariant of ["nobody-remembered", "nothing-left-taken"])
    scene.excuse({ invariant, instanceId, why });
};

export const accountFaults: readonly Fault[] = [
  {
    name: "power-cut",
    what: "an instance that leaves loses its power under our feet",
    reach: { of: "executions", until: "Await termination" },
    draw: (random) => ({ at: moment(random), instance: whole(random, 0, 3) }),
    strike: (scene, { instance = 0 }) =>
      whenLeaving(scene, instance, (instanceId) => {
        const { autoScaling } = scene.world;
        const struck = autoScaling.instance(instanceId);
        if (struck.power !== "on") return;
        scene.met({ instanceId });
        // A hook that ran out before has nothing to do with this.
        const isUndecided = !isHookOver(scene, instanceId);
        autoScaling.powerOff(instanceId);
        scene.struck(instanceId);
        if (isUndecided)
          scene.excuse({
            invariant: "every-hook-decided",
            instanceId,
            why: "its power was cut while the hook held it",
          });
        excuseUnknown(scene, instanceId);
      }),
  },
  {
    name: "execution-stopped",
    what: "a person stops an execution in the middle",
    reach: { of: "executions" },
    draw: (random) => ({ at: moment(random), instance: whole(random, 0, 3) }),
    strike: (scene, { instance = 0 }) =>
      whenLeaving(scene, instance, async (instanceId) => {
        scene.met({ instanceId });
        const stopped = await scene.person.stop(instanceId);
        if (stopped !== undefined) scene.struck(`${stopped} of ${instanceId}`);
      }),
  },
  {
    name: "deploy",
    what: "new versions of the functions are deployed: who runs goes on with the old ones",
    reach: { of: "executions" },
    draw: (random) => ({ at: moment(random), how: oneOf(random, ["once", "twice"]) }),
    strike: async ({ world, struck, met }, { how }) => {
      for (let times = how === "twice" ? 2 : 1; times > 0; times -= 1) {
        for (const executionArn of world.engine.runs.keys()) met({ executionArn });
        struck(`version ${deployVersions(world)}`);
        await world.clock.sleep(minute / 2);
      }
    },
  },
];
