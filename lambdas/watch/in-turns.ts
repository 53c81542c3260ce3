/** Calls to one service at the same time: its limits are unknown, and others need them too. */
const together = 4;

/** Does the same with each, a few at a time; the results come in the order of the list. */
export const inTurns = async <T, R>(
  list: readonly T[],
  work: (one: T) => Promise<R>,
): Promise<R[]> => {
  const results: R[] = [];
  for (let from = 0; from < list.length; from += together) {
    results.push(...(await Promise.all(list.slice(from, from + together).map(work))));
  }
  return results;
};
