/**
 * Some of a list, spread evenly over it: of instances in the order of their
 * launch the oldest and the newest among them. The same list gives the same ones.
 */
export const sample = <T>(list: readonly T[], most: number): T[] => {
  if (list.length <= most) return [...list];
  const step = most > 1 ? (list.length - 1) / (most - 1) : 0;
  return Array.from({ length: most }, (_, index) => list[Math.round(index * step)] as T);
};
