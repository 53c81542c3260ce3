import { stateOf } from "../coverage/collect.ts";
import type { Random } from "../random.ts";
import { excuseUnknown, whenLeaving } from "./account.ts";
import { minute, moment, oneOf, second, span, whole } from "./draw.ts";
import type { Fault, Occurrence, Scene } from "./fault.ts";

const drawInstance = (random: Random) => ({ at: moment(random), instance: whole(random, 0, 3) });

/** Somebody does something to the node of an instance, if the node is there. */
const toNode = (
  scene: Scene,
  { instance = 0, how }: Occurrence,
  act: (instanceId: string) => Promise<void>,
): Promise<void> => {
  const doIt = async (instanceId: string) => {
    // A node that is gone already, servers without a leader: then nobody could.
    if (scene.park.nomad.truth.node(instanceId) === undefined) return;
    scene.met({ instanceId });
    try {
      await act(instanceId);
      scene.struck(instanceId);
    } catch {
      scene.struck(`${instanceId}, in vain`);
    }
  };
  if (how !== "staying" || scene.instanceId !== undefined)
    return whenLeaving(scene, instance, doIt);
  const staying = scene.staying();
  const chosen = staying[instance % Math.max(1, staying.length)];
  return chosen ? doIt(chosen.id) : Promise.resolve();
};

export const peopleFaults: readonly Fault[] = [
  {
    name: "person-drains",
    what: "a person drains a node that leaves, with a deadline or without one",
    reach: { of: "executions", until: "Wait before looking once more" },
    draw: (random) => ({
      ...drawInstance(random),
      how: oneOf(random, ["with a deadline", "without a deadline", "without system jobs"]),
    }),
    strike: (scene, occurrence) =>
      toNode(scene, occurrence, (instanceId) =>
        scene.person.drain(instanceId, {
          deadlineSeconds: occurrence.how === "without a deadline" ? 0 : 300,
          ignoreSystemJobs: occurrence.how === "without system jobs",
        }),
      ),
  },
  {
    name: "person-cordons",
    what: "a person makes a node ineligible: one that leaves, or one that stays",
    reach: { of: "executions", until: "Wait before looking once more" },
    draw: (random) => ({
      ...drawInstance(random),
      how: oneOf(random, ["leaving", "staying"]),
    }),
    strike: (scene, occurrence) =>
      toNode(scene, occurrence, (instanceId) => scene.person.cordon(instanceId)),
  },
  {
    name: "person-uncordons",
    what: "a person makes a node eligible again that Drover is draining",
    reach: { of: "executions", until: "Wait before looking once more" },
    draw: drawInstance,
    strike: (scene, occurrence) =>
      toNode(scene, occurrence, async (instanceId) => {
        await scene.person.uncordon(instanceId);
        const node = scene.park.nomad.truth.node(instanceId);
        if (node?.LastDrain?.Status !== "complete") return;
        for (const invariant of ["no-live-work-lost", "system-jobs-last"])
          scene.excuse({ invariant, instanceId, why: "a person let work onto it after its drain" });
      }),
  },
  {
    name: "person-changes-mind",
    what: "a person retires an instance that stays, and stops that again",
    // It has an execution of its own, wherever the others are.
    reach: { of: "events" },
    draw: (random) => ({ ...drawInstance(random), lasts: span(random, 0.5 * second, 3 * minute) }),
    strike: async (scene, { instance = 0, lasts = 0 }) => {
      const staying = scene.staying();
      const chosen = staying[instance % Math.max(1, staying.length)];
      if (chosen === undefined) return;
      await scene.person.retire(chosen.id);
      await scene.world.clock.sleep(lasts);
      const stopped = await scene.person.stop(chosen.id);
      scene.struck(stopped ?? `${chosen.id}, too late`);
    },
  },
  {
    name: "person-completes-hook",
    what: "a person completes the hook in the middle of the retirement",
    reach: { of: "executions", until: "Await termination" },
    draw: drawInstance,
    strike: (scene, { instance = 0 }) =>
      whenLeaving(scene, instance, async (instanceId) => {
        const state = stateOf(scene.world, { instanceId });
        if (!(await scene.person.completeHook(instanceId))) return;
        scene.met({ state });
        scene.struck(instanceId);
        for (const invariant of ["every-hook-decided", "no-live-work-lost"])
          scene.excuse({ invariant, instanceId, why: "a person completed its hook" });
        excuseUnknown(scene, instanceId);
      }),
  },
];
