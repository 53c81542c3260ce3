import type { Clock } from "../../../lambdas/runtime/clock.ts";

/** In milliseconds. */
export interface LeadershipTimes {
  /** How long followers still believe in a leader that is gone. */
  readonly belief: number;
  /** How long a request is held while there is no leader. */
  readonly hold: number;
}

/** Who leads a cluster, and what waits for a leader. */
export const createLeadership = (clock: Clock, { belief, hold }: LeadershipTimes) => {
  let leader: string | undefined;
  let lostAt = Number.NEGATIVE_INFINITY;
  let term = 0;
  let held: (() => void)[] = [];
  const listeners: ((led: boolean) => void)[] = [];
  const ended = new Set<() => void>();

  return {
    /** Name of the leader. */
    get name() {
      return leader;
    },
    /** Counts elections: work begun in an earlier term is not finished in a later one. */
    get term() {
      return term;
    },
    /** Whether answers claim a known leader, which they do for a little too long. */
    get known() {
      return leader !== undefined || clock.now() - lostAt < belief;
    },
    /** Milliseconds since a leader was last heard. */
    get lastContact() {
      return leader === undefined ? clock.now() - lostAt : 0;
    },

    onChange: (listener: (led: boolean) => void) => void listeners.push(listener),

    set(name: string | undefined) {
      if (name === leader) return;
      if (leader !== undefined) {
        lostAt = clock.now();
        leader = undefined;
        for (const listener of listeners) listener(false);
        const ending = [...ended];
        ended.clear();
        for (const end of ending) end();
      }
      if (name === undefined) return;
      leader = name;
      term += 1;
      for (const listener of listeners) listener(true);
      const waiting = held;
      held = [];
      for (const proceed of waiting) proceed();
    },

    /** Calls back when the present leader is lost. */
    whenLost(lost: () => void): () => void {
      ended.add(lost);
      return () => ended.delete(lost);
    },

    /** Runs an action now or once there is a leader again. */
    whenLed(action: () => void) {
      if (leader === undefined) held.push(action);
      else action();
    },

    /**
     * Waits for a leader as a server does with a request.
     *
     * @returns the error that it answers otherwise
     */
    async await(signal: AbortSignal): Promise<string | undefined> {
      if (leader !== undefined) return undefined;
      // At first the server still forwards to the dead leader.
      if (clock.now() - lostAt < belief) return "rpc error: EOF";
      const release = new AbortController();
      const led = new Promise<undefined>((resolve) => {
        held.push(() => {
          release.abort();
          resolve(undefined);
        });
      });
      const expired = clock
        .sleep(hold, AbortSignal.any([signal, release.signal]))
        .then(() => "No cluster leader");
      expired.catch(() => undefined);
      return await Promise.race([led, expired]);
    },
  };
};

export type Leadership = ReturnType<typeof createLeadership>;
