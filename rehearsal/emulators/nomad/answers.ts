import type { Clock } from "../../../lambdas/runtime/clock.ts";
import { parseGoDuration } from "../hashicorp/go-json.ts";
import type { Rights } from "./acl.ts";
import { HttpError } from "../hashicorp/http-error.ts";
import type { Leadership } from "../hashicorp/leadership.ts";
import type { State, Topic } from "./state.ts";

/** A request as a route sees it. */
export interface Call {
  readonly params: readonly string[];
  readonly query: URLSearchParams;
  readonly rights: Rights;
  readonly token: string;
  readonly body: string;
}

export const forbid = (): never => {
  throw new HttpError(403, "Permission denied");
};

/** What a read found. */
export interface Reading {
  readonly index: number;
  /** What the next change of may alter the answer. */
  readonly topics: readonly Topic[];
  readonly body: unknown;
  /** The body as JSON, where it is known already. */
  readonly text?: string;
  /** Answered instead of the body once there is no more to wait for. */
  readonly missing?: HttpError;
  readonly nextToken?: string;
}

export interface Wait {
  readonly index: number;
  readonly milliseconds: number;
}

/** Without `wait` five minutes, never more than ten. */
const DEFAULT_WAIT = 300_000;
const LONGEST_WAIT = 600_000;

/** @throws HttpError for a `wait` without a unit and the like */
export const parseWait = (query: URLSearchParams): Wait => {
  const wait = query.get("wait") ?? "";
  const milliseconds = wait === "" ? 0 : parseGoDuration(wait);
  if (milliseconds === undefined) throw new HttpError(400, "Invalid wait time");
  const index = query.get("index") ?? "0";
  if (!/^\d+$/.test(index)) throw new HttpError(400, "Invalid index");
  const limited = milliseconds <= 0 ? DEFAULT_WAIT : Math.min(milliseconds, LONGEST_WAIT);
  return { index: Number(index), milliseconds: limited };
};

/**
 * Reads, and if a wait is asked for, reads again after each change until the
 * index has passed the one given or the time (and up to a sixteenth) is over.
 * An index that is too large waits the whole time and gets the real one.
 */
export const readBlocking = async (
  deps: { state: State; clock: Clock; random: () => number; leadership: Leadership },
  wait: Wait,
  needsLeader: boolean,
  signal: AbortSignal,
  read: () => Reading,
): Promise<Reading> => {
  let reading = read();
  if (wait.index === 0 || reading.index > wait.index) return reading;

  const { state, clock, leadership, random } = deps;
  const over = new AbortController();
  let expired = false;
  let orphaned = false;
  let notify: () => void = () => undefined;
  const duration = wait.milliseconds * (1 + random() / 16);
  void clock.sleep(duration, AbortSignal.any([signal, over.signal])).then(
    () => {
      expired = true;
      return notify();
    },
    () => notify(),
  );
  const forget = needsLeader
    ? leadership.whenLost(() => {
        orphaned = true;
        notify();
      })
    : () => undefined;
  try {
    while (reading.index <= wait.index) {
      const unwatch = await new Promise<() => void>((resolve) => {
        const stop = state.watch(reading.topics, () => resolve(stop));
        notify = () => resolve(stop);
      });
      unwatch();
      signal.throwIfAborted();
      if (orphaned) throw new HttpError(500, "rpc error: EOF");
      reading = read();
      if (expired) break;
    }
    return reading;
  } finally {
    over.abort();
    forget();
  }
};
