import type { HttpHandler, HttpRequest } from "@smithy/protocol-http";
import type { Container, Subject } from "../engine/containers.ts";

export type Destination = "nomad" | "consul" | "aws";

/** One call on the wire that Drover made. */
export interface LedgerEntry {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly destination: Destination;
  readonly task: string;
  readonly subject: Subject;
}

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
}

const never = new Promise<never>(() => undefined);

export const createLedger = (options: {
  readonly now: () => number;
  /** Where a host belongs. @throws for one that is unknown */
  readonly destinationOf: (host: string) => Destination;
}): Ledger => {
  const entries: LedgerEntry[] = [];
  const counts = new Map<string, Record<Destination, number>>();

  const enter = (entry: LedgerEntry): void => {
    entries.push(entry);
    const { instanceId } = entry.subject;
    if (instanceId === undefined) return;
    const own = counts.get(instanceId) ?? { nomad: 0, consul: 0, aws: 0 };
    own[entry.destination] += 1;
    counts.set(instanceId, own);
  };

  return {
    entries,
    callsFor: (instanceId) => ({ nomad: 0, consul: 0, aws: 0, ...counts.get(instanceId) }),
    watch: (handler, container) => ({
      ...(handler.metadata && { metadata: handler.metadata }),
      destroy: () => handler.destroy?.(),
      updateHttpClientConfig: (key, value) => handler.updateHttpClientConfig(key, value),
      httpHandlerConfigs: () => handler.httpHandlerConfigs(),
      handle: async (request: HttpRequest, handlerOptions) => {
        if (!container.alive) return never;
        const host = request.port ? `${request.hostname}:${request.port}` : request.hostname;
        enter({
          at: options.now(),
          destination: options.destinationOf(host),
          task: container.spec.task,
          subject: container.subject,
        });
        try {
          const answer = await handler.handle(request, handlerOptions);
          return container.alive ? answer : await never;
        } catch (error) {
          if (!container.alive) return never;
          throw error;
        }
      },
    }),
  };
};
