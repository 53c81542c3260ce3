import type { Clock } from "../lambdas/runtime/clock.ts";

/** Things to be done at their times, in the order of time and then of entry. */
export interface Agenda {
  /**
   * Enters something.
   *
   * @param time - milliseconds since the epoch; a time that has passed means as soon as possible
   * @returns a function that takes it back; harmless once it has been done
   */
  at(time: number, action: () => void): () => void;

  /** Enters something to be done after a span of milliseconds. */
  after(milliseconds: number, action: () => void): () => void;

  /** Forgets everything, so that nothing keeps the process alive. */
  close(): void;
}

interface Entry {
  readonly time: number;
  readonly serial: number;
  action: (() => void) | undefined;
}

/** Longest sleep that Node's timers can do: a longer one would fire at once. */
const longestSleep = 2 ** 31 - 1;

/** A reason of its own: the default would be a new exception with a stack each time. */
const woken = "something earlier was entered";

const before = (a: Entry, b: Entry): boolean =>
  a.time < b.time || (a.time === b.time && a.serial < b.serial);

/**
 * An agenda that has one sleep of the clock under way, however much is entered:
 * thousands of heartbeats would otherwise be thousands of timers, which virtual
 * time would search through at each step. The times may lie any span ahead.
 *
 * @param onError - what an action throws; by default it is thrown again as an uncaught exception
 */
export const createAgenda = (
  clock: Clock,
  onError: (error: unknown) => void = (error) => {
    queueMicrotask(() => {
      throw error;
    });
  },
): Agenda => {
  const heap: Entry[] = [];
  let serial = 0;
  let sleeping: { until: number; wake: AbortController } | undefined;

  const sleepUntilNext = (): void => {
    const next = heap[0];
    if (next === undefined) {
      sleeping?.wake.abort(woken);
      sleeping = undefined;
      return;
    }
    const until = Math.min(next.time, clock.now() + longestSleep);
    if (sleeping !== undefined && sleeping.until <= until) return;
    sleeping?.wake.abort(woken);
    const mine = { until, wake: new AbortController() };
    sleeping = mine;
    void wakeUp(mine);
  };

  const wakeUp = async (mine: { until: number; wake: AbortController }): Promise<void> => {
    try {
      await clock.sleep(mine.until - clock.now(), mine.wake.signal);
    } catch {
      return; // woken, since something earlier was entered
    }
    if (sleeping !== mine) return;
    sleeping = undefined;
    doWhatIsDue();
    sleepUntilNext();
  };

  const doWhatIsDue = (): void => {
    for (let next = heap[0]; next !== undefined && next.time <= clock.now(); next = heap[0]) {
      takeFirst(heap);
      const { action } = next;
      next.action = undefined;
      try {
        action?.();
      } catch (error) {
        onError(error);
      }
    }
  };

  const at = (time: number, action: () => void): (() => void) => {
    // Timers know whole milliseconds: a fraction would wake up before its time for ever.
    const entry: Entry = { time: Math.ceil(time), serial: serial++, action };
    insert(heap, entry);
    sleepUntilNext();
    // What is taken back stays in the heap as an empty entry: cheaper than a search.
    return () => {
      entry.action = undefined;
    };
  };

  return {
    at,
    after: (milliseconds, action) => at(clock.now() + Math.max(0, milliseconds), action),
    close: () => {
      heap.length = 0;
      sleepUntilNext();
    },
  };
};

const insert = (heap: Entry[], entry: Entry): void => {
  let index = heap.length;
  while (index > 0) {
    const above = (index - 1) >> 1;
    const parent = heap[above]!;
    if (!before(entry, parent)) break;
    heap[index] = parent;
    index = above;
  }
  heap[index] = entry;
};

const takeFirst = (heap: Entry[]): void => {
  const last = heap.pop()!;
  const size = heap.length;
  if (size === 0) return;
  let index = 0;
  for (;;) {
    let below = 2 * index + 1;
    if (below >= size) break;
    if (below + 1 < size && before(heap[below + 1]!, heap[below]!)) below += 1;
    if (!before(heap[below]!, last)) break;
    heap[index] = heap[below]!;
    index = below;
  }
  heap[index] = last;
};
