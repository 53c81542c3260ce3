import type { Clock } from "../../../lambdas/runtime/clock.ts";
import type { Random } from "../../random.ts";
import { between } from "../../random.ts";
import type { Service } from "../service.ts";
import { HttpError } from "./http-error.ts";

export interface ServerSpec {
  readonly name: string;
  readonly address: string;
  /** @default the version of the cluster */
  readonly version?: string;
}

export interface Server extends ServerSpec {
  readonly version: string;
  alive: boolean;
}

/** What a caller meets instead of the servers. */
export type Outage = "refused" | "silent";

/** The servers of a cluster and whether they can be reached. */
export const createServers = (product: string, version: string) => {
  const servers = new Map<string, Server>();
  let outage: Outage | undefined;

  const never = (signal: AbortSignal) =>
    new Promise<never>((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });

  return {
    list: (): readonly Server[] => [...servers.values()],
    find: (name: string | undefined) => (name === undefined ? undefined : servers.get(name)),
    add: (spec: ServerSpec) => void servers.set(spec.name, { version, ...spec, alive: true }),
    setAlive(name: string, alive: boolean) {
      const server = servers.get(name);
      if (!server) throw new Error(`no ${product} server is called ${name}`);
      server.alive = alive;
    },
    setOutage(kind: Outage | undefined) {
      outage = kind;
    },

    /**
     * The server that a request reaches: the one whose address it names, else
     * (behind a name or a load balancer) any that lives.
     *
     * @throws as `fetch` does; in a silent outage only when the caller gives up
     */
    async reach(request: Request): Promise<Server> {
      request.signal.throwIfAborted();
      if (outage === "silent") return never(request.signal);
      const host = new URL(request.url).hostname;
      const named = [...servers.values()].find((server) => server.address === host);
      const server = named ?? [...servers.values()].find(({ alive }) => alive);
      if (outage === undefined && server?.alive) return server;
      const cause = Object.assign(new Error(`connect ECONNREFUSED ${host}`), {
        code: "ECONNREFUSED",
      });
      throw new TypeError("fetch failed", { cause });
    },
  };
};

export type Servers = ReturnType<typeof createServers>;

/**
 * Serves callers that share one client address: each server accepts so many
 * connections from it and answers 429 beyond them. An `HttpError` that the
 * answer throws becomes the bare message that these servers send.
 */
export const limitConnections =
  (
    deps: { clock: Clock; random: Random; servers: Servers; limit: number },
    answer: (request: Request, server: Server) => Promise<Response>,
  ) =>
  (): Service => {
    const connections = new Map<Server, number>();
    return async (request) => {
      const server = await deps.servers.reach(request);
      const open = connections.get(server) ?? 0;
      if (open >= deps.limit) {
        return new Response(
          "Your IP is issuing too many concurrent connections, please rate limit your calls\n",
          { status: 429 },
        );
      }
      connections.set(server, open + 1);
      try {
        await deps.clock.sleep(between(deps.random, [0.3, 1]));
        return await answer(request, server);
      } catch (error) {
        request.signal.throwIfAborted();
        if (!(error instanceof HttpError)) throw error;
        return new Response(error.message, { status: error.status });
      } finally {
        connections.set(server, connections.get(server)! - 1);
      }
    };
  };
