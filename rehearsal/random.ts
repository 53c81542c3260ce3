/** A number from 0 inclusive to 1 exclusive, as `Math.random` gives. */
export type Random = () => number;

/**
 * A seeded source of randomness (mulberry32): the same seed gives the same
 * world.
 */
export const seeded = (seed: number): Random => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

/** Hexadecimal digits. */
export const hex = (random: Random, digits: number): string => {
  let text = "";
  while (text.length < digits)
    text += Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, "0");
  return text.slice(0, digits);
};

/** A UUID of version 4. */
export const uuid = (random: Random): string => {
  const digits = hex(random, 32);
  const variant = "89ab"[Math.floor(random() * 4)]!;
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `4${digits.slice(13, 16)}`,
    `${variant}${digits.slice(17, 20)}`,
    digits.slice(20),
  ].join("-");
};

/** A span between two bounds, in their unit. */
export const between = (random: Random, [least, most]: readonly [number, number]): number =>
  least + random() * (most - least);

/** A source of its own for one part of a world: what one part draws changes nothing for another. */
export const seededBy = (seed: number, name: string): Random => {
  let mixed = seed | 0;
  for (const character of name) mixed = Math.imul(mixed ^ character.charCodeAt(0), 0x5bd1e995) + 1;
  return seeded(mixed);
};
