import type { Strike } from "../faults/apply.ts";
import { between, seededBy } from "../random.ts";
import type { Connection } from "../world/connect-tasks.ts";
import type { World } from "../world.ts";
import { findPublishFault } from "./faults.ts";
import type { Mishap } from "./people.ts";
import type { Disturbance, PublishOccurrence, PublishScene } from "./scene.ts";

/** What lies between everybody and S3 and KMS: a little time, and what goes wrong. */
export interface Wire {
  readonly intercept: NonNullable<Connection["intercept"]>;
  readonly disturb: PublishScene["disturb"];
}

/** Milliseconds that a call takes: so that who does something at the same time comes in some order. */
const latency = [5, 60] as const;

export const createWire = (seed: number, sleep: (milliseconds: number) => Promise<void>): Wire => {
  const random = seededBy(seed, "wire");
  const disturbances = new Set<Disturbance>();
  return {
    disturb: (disturbance) => {
      disturbances.add(disturbance);
      return () => void disturbances.delete(disturbance);
    },
    intercept: async ({ service }) => {
      if (service !== "s3" && service !== "kms") return undefined;
      await sleep(between(random, latency));
      for (const disturb of disturbances) {
        const answer = await disturb(service);
        if (answer !== undefined) return answer;
      }
      return undefined;
    },
  };
};

/** A schedule at work in a world, and what it has in store for publishers. */
export interface AppliedPublishing {
  readonly strikes: readonly Strike[];
  /** What becomes of the publisher who begins now. */
  readonly takeMishap: () => Mishap | undefined;
  /** Whether somebody publishes at the same moment. */
  readonly takeRival: () => boolean;
}

export const applyPublishFaults = (
  world: World,
  schedule: readonly PublishOccurrence[],
  ground: Pick<PublishScene, "pool" | "bucket" | "disturb" | "intrude" | "order">,
): AppliedPublishing => {
  const beganAt = world.clock.now();
  const strikes: Strike[] = [];
  const mishaps: Mishap[] = [];
  let rivals = 0;
  const enter = async (occurrence: PublishOccurrence): Promise<void> => {
    const { fault, at, lasts } = occurrence;
    await world.clock.sleep(at);
    await findPublishFault(fault).strike(
      {
        world,
        ...ground,
        random: seededBy(0, JSON.stringify(occurrence)),
        struck: (what) =>
          void strikes.push({
            fault,
            at: world.clock.now() - beganAt,
            ...(lasts !== undefined && { lasts }),
            ...(what !== undefined && { what }),
          }),
        strikePublisher: (mishap) => void mishaps.push(mishap),
        addRival: () => void (rivals += 1),
      },
      occurrence,
    );
  };
  for (const occurrence of schedule) void enter(occurrence);
  return {
    strikes,
    takeMishap: () => mishaps.shift(),
    takeRival: () => {
      const isThere = rivals > 0;
      rivals = Math.max(0, rivals - 1);
      return isThere;
    },
  };
};
