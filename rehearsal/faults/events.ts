import type { BusFaults } from "../emulators/event-bridge/bus.ts";
import { minute, moment, oneOf, second, span } from "./draw.ts";
import type { Fault, Occurrence, Scene } from "./fault.ts";

const usual: BusFaults = { latency: [50, 1500], duplicates: 0, losses: 0 };

/** Has the bus do something for a while. */
const disturb = async (
  { world, struck }: Scene,
  { lasts = minute }: Occurrence,
  faults: Partial<BusFaults>,
): Promise<void> => {
  world.bus.setFaults(faults);
  struck();
  await world.clock.sleep(lasts);
  const names = Object.keys(faults) as (keyof BusFaults)[];
  world.bus.setFaults(Object.fromEntries(names.map((name) => [name, usual[name]])));
};

/** Events are few, and the first ones matter most. */
const soon = (random: () => number): number => (random() < 0.6 ? 0 : moment(random));

/** EventBridge delivers at least once, in any order, and what services emit as well as they can. */
export const eventFaults: readonly Fault[] = [
  {
    name: "lost-events",
    what: "events that services emit never come",
    reach: { of: "events" },
    draw: (random) => ({
      at: soon(random),
      lasts: span(random, second, 3 * minute),
      share: oneOf(random, [0.5, 1]),
    }),
    strike: (scene, occurrence) => disturb(scene, occurrence, { losses: occurrence.share ?? 1 }),
  },
  {
    name: "late-events",
    what: "events come up to a quarter of an hour late, and overtake each other",
    reach: { of: "events" },
    draw: (random) => ({
      at: soon(random),
      lasts: span(random, second, 5 * minute),
      how: oneOf(random, ["seconds", "minutes"]),
    }),
    strike: (scene, occurrence) =>
      disturb(scene, occurrence, {
        latency: occurrence.how === "minutes" ? [second, 15 * minute] : [second, 30 * second],
      }),
  },
  {
    name: "duplicate-events",
    what: "events come more than once",
    reach: { of: "events" },
    draw: (random) => ({
      at: soon(random),
      lasts: span(random, 10 * second, 30 * minute),
      share: oneOf(random, [0.5, 1]),
    }),
    strike: (scene, occurrence) =>
      disturb(scene, occurrence, { duplicates: occurrence.share ?? 1 }),
  },
];
