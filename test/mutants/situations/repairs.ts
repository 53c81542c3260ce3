import { brokenConnection } from "../../../rehearsal/faults/services.ts";
import { answerWith } from "../../../rehearsal/wire.ts";
import type { World } from "../../../rehearsal/world.ts";
import { foreignInstance } from "../../../rehearsal/world/emulated-park.ts";
import { createPerson } from "../../../rehearsal/scenarios/person.ts";
import {
  excuse,
  first,
  hasEntered,
  later,
  leaving,
  minute,
  nomadOf,
  once,
  one,
  second,
  type Situations,
  staying,
} from "./staging.ts";

/** Begins the retirement of an instance that stays, by hand, and stops it once its node is cordoned. */
const beginAndStop = (world: World): string => {
  const { id } = first(staying(world, one.terminate));
  const person = createPerson(world);
  void person.retire(id);
  once(
    world,
    () => hasEntered(world, id, "Take slot"),
    async () => void (await person.stop(id)),
  );
  return id;
};

/** The same, and for a while its node is cut off when it has been given back. */
const cutOffLater = (world: World): void => {
  const id = beginAndStop(world);
  const nomad = nomadOf(world);
  once(
    world,
    () => hasEntered(world, id, "Take slot"),
    () =>
      once(
        world,
        () => nomad.truth.node(id)?.SchedulingEligibility === "eligible",
        async () => {
          await world.clock.sleep(second);
          nomad.disconnect(id);
          later(world, 15 * minute, () => nomad.reconnect(id));
        },
      ),
  );
};

/** What executions leave that are stopped, and what looks like it. */
export const repairs = {
  "a person stops an execution once its hook is decided": () => ({
    ...one,
    schedule: [],
    onReady: (world) => {
      const { id } = first(leaving(world, one.terminate));
      once(
        world,
        () => hasEntered(world, id, "Let the instance end"),
        async () => void (await createPerson(world).stop(id)),
      );
    },
  }),
  "a person retires an instance, and stops that once its node is cordoned": () => ({
    ...one,
    schedule: [],
    onReady: (world) => {
      const { id } = first(staying(world, one.terminate));
      const person = createPerson(world);
      void person.retire(id);
      once(
        world,
        () => hasEntered(world, id, "Take slot"),
        async () => void (await person.stop(id)),
      );
    },
  }),
  "a node that was given back is cut off": () => ({
    ...one,
    schedule: [],
    onReady: cutOffLater,
  }),
  "a node that was given back is cut off, and EC2 answers with nothing": () => ({
    ...one,
    schedule: [],
    onReady: (world) => {
      const none =
        '<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><reservationSet/></DescribeInstancesResponse>';
      world.ledger.interfere(async ({ service }, send) =>
        service === "ec2"
          ? { response: answerWith(200, none, { "content-type": "text/xml;charset=UTF-8" }) }
          : send(),
      );
      cutOffLater(world);
    },
  }),
  "Nomad lists nothing for a while, and a cordon is to be given back": () => ({
    ...one,
    schedule: [],
    onReady: (world) => {
      const id = beginAndStop(world);
      once(
        world,
        () => hasEntered(world, id, "Take slot"),
        () => {
          const stop = world.ledger.interfere(async ({ task, operation }, send) =>
            task.startsWith("watch/") && operation === "GET /v1/nodes"
              ? { response: answerWith(200, "[]", { "x-nomad-index": "1" }) }
              : send(),
          );
          later(world, 8 * minute, stop);
        },
      );
    },
  }),
  "a retirement is stopped while its cordon is on its way": () => ({
    ...one,
    schedule: [],
    onReady: (world) => {
      const { id } = first(staying(world, one.terminate));
      const person = createPerson(world);
      world.ledger.interfere(async ({ subject, operation }, send) => {
        if (subject.instanceId === id && operation.endsWith("/eligibility")) {
          await person.stop(id);
          await world.clock.sleep(5 * second);
        }
        return send();
      });
      void person.retire(id);
    },
  }),
  "a person cordons a node anew, whose retirement was stopped": () => ({
    ...one,
    schedule: [],
    onReady: (world) => {
      const id = beginAndStop(world);
      const person = createPerson(world);
      once(
        world,
        () => hasEntered(world, id, "Take slot"),
        async () => {
          // The run that an execution's end starts is late enough for that.
          await person.uncordon(id);
          await person.cordon(id);
        },
        10,
      );
    },
  }),
  "a machine of somebody else's has ended": () => ({
    ...one,
    schedule: [],
    setUp: async (world) => {
      const nomad = nomadOf(world);
      nomad.powerOff(foreignInstance);
      world.ec2.put({ id: foreignInstance, state: "terminated" });
      while (nomad.truth.node(foreignInstance)?.Status !== "down") await world.clock.sleep(second);
    },
  }),
  "more executions are stopped than is believable": () => {
    let gone: { id: string }[] = [];
    const many = { nodes: 16, terminate: 12, jobs: 8 } as const;
    return {
      ...many,
      schedule: [],
      onReady: (world) => {
        gone = leaving(world, many.terminate);
        const nomad = nomadOf(world);
        // One after the other they would be believed: it sees none of them until all are long gone.
        const areGone = () =>
          gone.every(
            ({ id }) =>
              world.autoScaling.instance(id).state === "Terminated" &&
              nomad.truth.node(id)?.Status !== "ready",
          );
        const stop = world.ledger.interfere(async ({ task }, send) => {
          if (task === "watch/look-at-cluster") throw brokenConnection();
          return send();
        });
        once(world, areGone, () => later(world, 5 * minute, stop));
        const person = createPerson(world);
        for (const { id } of gone)
          once(
            world,
            () => hasEntered(world, id, "Let the instance end"),
            async () => void (await person.stop(id)),
          );
      },
      excuses: () =>
        excuse(gone, ["nobody-remembered", "nothing-left-taken"], "so many are not believed"),
    };
  },
} as const satisfies Situations;
