/** Places in which cases run at the same time, one in each. */
export interface Lanes<Lane> {
  /** Runs something in a lane that is free; waits for one where all are taken. */
  use(body: (lane: Lane) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

/**
 * Real agents mostly wait, so that several clusters take hardly longer than one. Each lane is one
 * of them: what drains in one cluster disturbs no drain of another. A lane is opened when a case
 * first comes to it.
 */
export const createLanes = <Lane>(
  count: number,
  open: () => Promise<Lane>,
  close: (lane: Lane) => Promise<void>,
): Lanes<Lane> => {
  const free: (Lane | undefined)[] = Array.from({ length: count }, () => undefined);
  const waiting: ((lane: Lane | undefined) => void)[] = [];

  const take = (): Promise<Lane | undefined> | Lane | undefined => {
    // Opened ones first: those at the end of the list.
    if (free.length > 0) return free.pop();
    return new Promise((resolve) => waiting.push(resolve));
  };
  const giveBack = (lane: Lane | undefined) => {
    const next = waiting.shift();
    if (next) next(lane);
    else free.push(lane);
  };

  return {
    async use(body) {
      let lane = await take();
      try {
        lane ??= await open();
        await body(lane);
      } finally {
        giveBack(lane);
      }
    },
    async close() {
      await Promise.all(free.splice(0).map(async (lane) => lane && close(lane)));
    },
  };
};
