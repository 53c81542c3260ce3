import type { Random } from "../random.ts";

export const second = 1000;
export const minute = 60 * second;

/** A whole number between two bounds, both of them possible. */
export const whole = (random: Random, least: number, most: number): number =>
  least + Math.floor(random() * (most - least + 1));

/** A span of milliseconds: short ones are as likely as long ones. In whole tenths of a second. */
export const span = (random: Random, least: number, most: number): number =>
  Math.round((least * (most / least) ** random()) / 100) * 100;

/** When in a scale-in something begins: most of it happens in its first minutes. */
export const moment = (random: Random, most = 5 * minute): number =>
  Math.round((random() * most) / 100) * 100;

export const oneOf = <Item>(random: Random, items: readonly Item[]): Item =>
  items[Math.floor(random() * items.length)]!;

/** Some of a list, each at most once, in the order of the list. */
export const someOf = <Item>(random: Random, items: readonly Item[], many: number): Item[] => {
  const left = items.map((item, index) => ({ item, index }));
  const taken: { item: Item; index: number }[] = [];
  while (taken.length < many && left.length > 0)
    taken.push(left.splice(Math.floor(random() * left.length), 1)[0]!);
  return taken.sort((one, other) => one.index - other.index).map(({ item }) => item);
};
