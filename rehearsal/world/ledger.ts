import type { HttpHandler, HttpRequest, HttpResponse } from "@smithy/protocol-http";
import type { Container, Subject } from "../engine/containers.ts";
import { describeCall } from "../wire.ts";

export type Destination = "nomad" | "consul" | "aws";

/** One call on the wire that Drover made. */
export interface LedgerEntry {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly destination: Destination;
  /** First label of an AWS host (`autoscaling`, `dynamodb`, …), else the whole host. */
  readonly service: string;
  /** The AWS operation; for other services method and path. */
  readonly operation: string;
  readonly task: string;
  readonly subject: Subject;
  /** What the caller got: an HTTP status, or the name of an error; absent when it heard nothing. */
  readonly answer?: number | string;
}

/** A call that is about to be sent, for those who let it go wrong. */
export interface OutgoingCall extends LedgerEntry {
  readonly container: Container;
  /** By which the caller gives up. */
  readonly signal: AbortSignal | undefined;
}

export interface Answer {
  readonly response: HttpResponse;
}

/**
 * Stands between a function and what it calls. It may wait before it sends,
 * answer in the place of the service, throw as a connection does, keep an
 * answer to itself, or end the container.
 */
export type Interference = (call: OutgoingCall, send: () => Promise<Answer>) => Promise<Answer>;

/** Every call that Drover's functions made, and for whom. */
export interface Ledger {
  readonly entries: readonly LedgerEntry[];
  /** Counts of calls for one instance, its intake's and its execution's. */
  callsFor(instanceId: string): Record<Destination, number>;
  /**
   * Wraps the way out of a container: calls are entered, and a container that
   * has been ended neither sends any more nor hears an answer.
   */
  watch(handler: HttpHandler, container: Container): HttpHandler;
  /** The one that comes last is the nearest to the functions. @returns takes it away */
  interfere(interference: Interference): () => void;
}

const never = new Promise<never>(() => undefined);

export const createLedger = (options: {
  readonly now: () => number;
  /** Where a host belongs. @throws for one that is unknown */
  readonly destinationOf: (host: string) => Destination;
}): Ledger => {
  const entries: LedgerEntry[] = [];
  const counts = new Map<string, Record<Destination, number>>();
  let interferences: readonly Interference[] = [];

  const enter = (entry: LedgerEntry): void => {
    entries.push(entry);
    const { instanceId } = entry.subject;
    if (instanceId === undefined) return;
    const own = counts.get(instanceId) ?? { nomad: 0, consul: 0, aws: 0 };
    own[entry.destination] += 1;
    counts.set(instanceId, own);
  };

  const send = (call: OutgoingCall, last: () => Promise<Answer>): Promise<Answer> => {
    let next = last;
    for (const interfere of interferences) {
      const inner = next;
      next = () => interfere(call, inner);
    }
    return next();
  };

  return {
    entries,
    callsFor: (instanceId) => ({ nomad: 0, consul: 0, aws: 0, ...counts.get(instanceId) }),
    interfere: (interference) => {
      interferences = [...interferences, interference];
      return () => void (interferences = interferences.filter((each) => each !== interference));
    },
    watch: (handler, container) => ({
      ...(handler.metadata && { metadata: handler.metadata }),
      destroy: () => handler.destroy?.(),
      updateHttpClientConfig: (key, value) => handler.updateHttpClientConfig(key, value),
      httpHandlerConfigs: () => handler.httpHandlerConfigs(),
      handle: async (request: HttpRequest, handlerOptions) => {
        if (!container.alive) return never;
        const { host, service, operation } = describeCall(request);
        const entry: { -readonly [Key in keyof LedgerEntry]: LedgerEntry[Key] } = {
          at: options.now(),
          destination: options.destinationOf(host),
          service,
          operation,
          task: container.spec.task,
          subject: container.subject,
        };
        enter(entry);
        const { abortSignal } = handlerOptions ?? {};
        const signal = abortSignal instanceof AbortSignal ? abortSignal : undefined;
        try {
          const deliver = () => (container.alive ? handler.handle(request, handlerOptions) : never);
          const answer =
            interferences.length === 0
              ? await deliver()
              : await send({ ...entry, container, signal }, deliver);
          if (!container.alive) return await never;
          entry.answer = answer.response.statusCode;
          return answer;
        } catch (error) {
          if (!container.alive) return never;
          entry.answer = error instanceof Error ? error.name : String(error);
          throw error;
        }
      },
    }),
  };
};
