import { createPerson } from "../../../rehearsal/scenarios/person.ts";
import { foreignGroup } from "../../../rehearsal/scenarios/neighbours.ts";
import {
  beside,
  slow,
  excuse,
  few,
  first,
  later,
  leaving,
  minute,
  nomadOf,
  once,
  one,
  second,
  setHeartbeat,
  type Situations,
  staying,
  writesOfDrover,
} from "./staging.ts";

/** What people do at the same time. */
export const people = {
  "a person drains the node that leaves": () => ({
    ...one,
    setUp: async (world) => {
      const { id } = first(leaving(world, one.terminate));
      nomadOf(world).runJob({ id: "by-hand", groups: [{ count: 4 }], type: "batch" });
      await world.clock.sleep(15 * second);
      await createPerson(world).drain(id, { deadlineSeconds: 300, ignoreSystemJobs: true });
      await world.clock.sleep(minute);
    },
  }),
  "a person drains a node that stays": () => ({
    ...few,
    setUp: async (world) => {
      const { id } = first(staying(world, few.terminate));
      nomadOf(world).runJob({ id: "by-hand", groups: [{ count: 4 }], type: "batch" });
      await world.clock.sleep(15 * second);
      await createPerson(world).drain(id, { deadlineSeconds: 1200 });
      await world.clock.sleep(2 * minute);
    },
  }),
  "a person stops Drover": () => ({
    ...few,
    setUp: async (world) => {
      const person = createPerson(world);
      person.setStop("until I have looked at it");
      await world.clock.sleep(2 * minute);
      later(world, 30 * minute, () => person.setStop("go"));
    },
  }),
  "a person misspells the settings of the pool, and mends them": () => ({
    ...few,
    setUp: (world) => {
      const person = createPerson(world);
      person.setPool({ slot: 2 });
      later(world, 40 * minute, () => person.setPool({ slots: 2 }));
    },
  }),
  "a person misspells the settings of the pool for longer than the hook lives": () => {
    let gone: { id: string }[] = [];
    return {
      ...one,
      // What is left then is the reconciler's, once it knows that it may.
      schedule: [],
      setUp: (world) => {
        gone = leaving(world, one.terminate);
        const person = createPerson(world);
        person.setPool({ slot: 2 });
        later(world, 3 * 60 * minute, () => person.setPool({}));
      },
      onReady: (world) => setHeartbeat(world, 60),
      excuses: () => excuse(gone, ["no-live-work-lost"], "the settings of its pool stayed wrong"),
    };
  },
  "a person stops Drover while it drains": () => ({
    ...few,
    onReady: (world) =>
      once(
        world,
        () => writesOfDrover(world, "drain").length > 0,
        () => {
          const person = createPerson(world);
          person.setStop("stop");
          later(world, 30 * minute, () => person.setStop("go"));
        },
      ),
  }),
  "a person stops an execution while it drains": () => ({
    ...few,
    setUp: beside(slow),
    onReady: (world) =>
      once(
        world,
        () => writesOfDrover(world, "drain").length > 0,
        async () => {
          const drained = first(writesOfDrover(world, "drain"));
          await createPerson(world).stop(drained.instanceId);
        },
      ),
  }),
  // Nomad cannot be asked, and so the instance's new execution comes to no slot at first.
  "a person stops an execution while Nomad is busy": () => ({
    ...few,
    nodes: 5,
    jobs: 6,
    schedule: [
      { fault: "nomad-busy", at: 29_500, lasts: 172_650, share: 1 },
      { fault: "execution-stopped", at: 174_700, instance: 1 },
    ],
  }),
  "a person holds an instance": () => {
    let held: { id: string }[] = [];
    return {
      ...few,
      onReady: (world) => {
        held = [first(leaving(world, few.terminate))];
        for (const { id } of held) createPerson(world).hold(id);
      },
      excuses: () =>
        excuse(
          held,
          ["every-hook-decided", "no-live-work-lost", "nobody-remembered"],
          "a person holds it",
        ),
    };
  },
  "the pool is observe-only": () => {
    let gone: { id: string }[] = [];
    return {
      ...one,
      setUp: (world) => {
        gone = leaving(world, one.terminate);
        createPerson(world).setPool({ observeOnly: true, drainDeadlineSeconds: 600 });
      },
      excuses: () =>
        excuse(gone, ["no-live-work-lost", "nobody-remembered"], "the pool is observe-only"),
    };
  },
  "a person retires an instance, and the group replaces it": () => ({
    ...one,
    onReady: (world) =>
      void createPerson(world).retire(first(staying(world, one.terminate)).id, "replace"),
  }),
  "a person retires an instance, and takes it out of its group while it drains": () => {
    let taken: { id: string }[] = [];
    return {
      ...one,
      setUp: beside(slow),
      onReady: (world) => {
        const person = createPerson(world);
        const { id } = first(staying(world, one.terminate));
        taken = [{ id }];
        void person.retire(id);
        once(
          world,
          () => writesOfDrover(world, "drain").some(({ instanceId }) => instanceId === id),
          () => person.detach(id),
        );
      },
      excuses: () =>
        excuse(taken, ["nothing-left-taken"], "a person took it out of its group, and is told"),
    };
  },
  "a person retires an instance that leaves already": () => ({
    ...one,
    onReady: (world) => {
      const { id } = first(leaving(world, one.terminate));
      later(world, 20 * second, () => createPerson(world).retire(id));
    },
  }),
  "a person wants to retire a server": () => ({
    ...one,
    setUp: (world) => {
      const { privateIp: address } = first(staying(world, one.terminate));
      nomadOf(world).addServer({ name: "nomad-server-4", address });
    },
    onReady: (world) => void createPerson(world).retire(first(staying(world, one.terminate)).id),
  }),
  "somebody else's group has a hook with our name": () => ({
    ...one,
    setUp: ({ autoScaling, stack }) => {
      const group = autoScaling.group(foreignGroup);
      const name = stack.groups[0]?.hooks?.[0]?.name ?? "";
      const [hook] = group.hooks.values();
      if (hook) group.hooks.set(name, { ...hook, name });
      for (const [key, value] of [
        ["drover:pool", "workers"],
        ["drover:cluster", "another"],
      ] as const)
        group.tags.set(key, { key, value, propagateAtLaunch: false });
    },
  }),
} as const satisfies Situations;
