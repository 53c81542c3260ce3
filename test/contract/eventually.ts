import assert from "node:assert/strict";

/** What has a clock of its own, virtual or real. */
export interface Timed {
  /** By how much the spans in which something has to come are stretched: real agents share a machine. */
  readonly patience: number;
  /** Seconds between two looks. @default 0.1 */
  readonly interval?: number;
  /** Its clock, in seconds. */
  seconds(): number;
  pause(seconds: number): Promise<void>;
}

/**
 * Asks again until the answer is neither undefined nor false.
 *
 * @param seconds - how long it may take where nothing is shared
 */
export const eventually = async <Result>(
  target: Timed,
  what: string,
  seconds: number,
  ask: () => Promise<Result | undefined | false>,
): Promise<Result> => {
  const end = target.seconds() + seconds * target.patience;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    assert.ok(target.seconds() < end, `within ${seconds * target.patience} s: ${what}`);
    await target.pause(target.interval ?? 0.1);
  }
};
