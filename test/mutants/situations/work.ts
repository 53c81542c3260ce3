import { createPerson } from "../../../rehearsal/scenarios/person.ts";
import {
  setHeartbeat,
  setRetention,
  beside,
  slow,
  slowShipper,
  few,
  minute,
  one,
  second,
  type Situations,
} from "./staging.ts";

/** Work that is awkward to drain. */
export const work = {
  "an ordinary scale-in": () => few,
  "one instance leaves": () => one,
  "everything leaves at once": () => ({ ...few, terminate: 3 }),
  "several slots": () => ({
    ...few,
    slots: 3,
    setUp: beside({ id: "pair", distinctHosts: true, groups: [{ count: 4 }] }),
  }),
  "batch work that runs past its deadline and stops slowly": () => ({
    ...one,
    setUp: async (world) => {
      // What came last is waited for first: in the work pass the one that stops at once, in the
      // system pass the one that stops after its deadline of a minute. The last stops later.
      for (const stopSeconds of [160, 100, 0]) {
        const tasks = [{ stopSeconds, killTimeoutSeconds: 170 }];
        const groups = [{ count: 4, size: 0, tasks }];
        await beside({ ...slow, id: `slow-${stopSeconds}`, type: "batch", groups })(world);
      }
    },
  }),
  "a drain fails, and its pool retains": () => ({
    ...one,
    setUp: beside({ ...slow, type: "batch" }),
    onReady: (world) => {
      createPerson(world).setPool({ onDrainFailure: "retain", drainDeadlineSeconds: 600 });
      setRetention(world);
    },
  }),
  "a service that stops slowly": () => ({ ...one, setUp: beside(slow) }),
  "sysbatch work that runs for long": () => ({
    ...one,
    setUp: beside({
      id: "long",
      type: "sysbatch",
      groups: [{ size: 0, tasks: [{ runSeconds: 400 }] }],
    }),
  }),
  "a task that tidies up after a failure": () => ({
    ...one,
    setUp: beside({
      id: "tidy",
      type: "batch",
      distinctHosts: true,
      groups: [
        {
          count: 4,
          size: 0,
          tasks: [
            { name: "main", runSeconds: 28, fails: true },
            { name: "tidy", lifecycle: "poststop", runSeconds: 300 },
          ],
        },
      ],
    }),
  }),
  "data that takes a while to move": () => ({
    ...one,
    setUp: beside({
      id: "data",
      distinctHosts: true,
      groups: [{ count: 3, size: 0, ephemeralDisk: { migrate: true, pullSeconds: 90 } }],
    }),
  }),
  "a volume that takes a while to be released": () => ({
    ...one,
    setUp: beside(
      { id: "stored", distinctHosts: true, groups: [{ count: 4, size: 0, volume: "disk" }] },
      { id: "disk", releaseSeconds: 300 },
    ),
  }),
  "a volume that is not released": () => ({
    ...one,
    setUp: beside(
      { id: "stored", distinctHosts: true, groups: [{ count: 4, size: 0, volume: "disk" }] },
      { id: "disk", releaseSeconds: (60 * minute) / second },
    ),
  }),
  "a drain that lasts longer than a lease": () => ({
    ...few,
    setUp: async (world) => {
      createPerson(world).setPool({ drainDeadlineSeconds: 3000 });
      // One on each machine, and nowhere to move to.
      await beside({ id: "pair", distinctHosts: true, groups: [{ count: 4, size: 0 }] })(world);
      await beside({
        id: "hours",
        type: "batch",
        distinctHosts: true,
        groups: [{ count: 4, size: 0, tasks: [{ runSeconds: 2700 }] }],
      })(world);
    },
  }),
  "a hook with a short heartbeat, and a long queue": () => ({
    ...few,
    setUp: beside({
      id: "long",
      type: "batch",
      distinctHosts: true,
      groups: [{ count: 4, size: 0, tasks: [{ runSeconds: 500 }] }],
    }),
    onReady: (world) => setHeartbeat(world, 60),
  }),
  "system jobs that stop slowly, and a hook with a short heartbeat": () => ({
    ...one,
    setUp: beside(slowShipper),
    onReady: (world) => setHeartbeat(world, 100),
  }),
} as const satisfies Situations;
