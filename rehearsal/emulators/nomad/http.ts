import type { Clock } from "../../../lambdas/runtime/clock.ts";
import { between } from "../../random.ts";
import type { Acl } from "./acl.ts";
import { type Call, parseWait, readBlocking, type Reading } from "./answers.ts";
import type { Leadership } from "../hashicorp/leadership.ts";
import type { createAclReads } from "./routes-acl.ts";
import type { createReads } from "./routes-read.ts";
import type { createVolumeReads } from "./routes-volumes.ts";
import type { createRouteWrites, Written } from "./routes-write.ts";
import { limitConnections, type Server, type Servers } from "../hashicorp/servers.ts";
import { HttpError } from "../hashicorp/http-error.ts";
import { viewMembers } from "./members.ts";
import type { State } from "./state.ts";

/** A server refuses more connections than this from one address. */
const CONNECTIONS_PER_CLIENT = 100;

type Route = { readonly pattern: RegExp } & (
  | { readonly kind: "read"; readonly read: (call: Call) => Reading }
  | { readonly kind: "write"; readonly write: (call: Call) => Written }
);

export interface HttpDeps {
  readonly state: State;
  readonly clock: Clock;
  readonly random: () => number;
  readonly leadership: Leadership;
  readonly servers: Servers;
  readonly acl: Acl;
  readonly region: string;
  readonly reads: ReturnType<typeof createReads>;
  readonly volumes: ReturnType<typeof createVolumeReads>;
  readonly acls: ReturnType<typeof createAclReads>;
  readonly writes: ReturnType<typeof createRouteWrites>;
}

const createRoutes = ({ reads, volumes, acls, writes }: HttpDeps): readonly Route[] => [
  { pattern: /^\/v1\/nodes$/, kind: "read", read: reads.nodes },
  { pattern: /^\/v1\/node\/([^/]+)\/allocations$/, kind: "read", read: reads.nodeAllocations },
  { pattern: /^\/v1\/node\/([^/]+)\/drain$/, kind: "write", write: (call) => writes.drain(call) },
  {
    pattern: /^\/v1\/node\/([^/]+)\/eligibility$/,
    kind: "write",
    write: (call) => writes.eligibility(call),
  },
  { pattern: /^\/v1\/node\/([^/]+)\/purge$/, kind: "write", write: (call) => writes.purge(call) },
  { pattern: /^\/v1\/node\/([^/]+)$/, kind: "read", read: reads.node },
  { pattern: /^\/v1\/allocations$/, kind: "read", read: reads.allocations },
  { pattern: /^\/v1\/allocation\/([^/]+)$/, kind: "read", read: reads.allocation },
  { pattern: /^\/v1\/job\/([^/]+)$/, kind: "read", read: reads.job },
  { pattern: /^\/v1\/job\/([^/]+)\/deployments$/, kind: "read", read: reads.jobDeployments },
  { pattern: /^\/v1\/jobs$/, kind: "read", read: reads.jobs },
  { pattern: /^\/v1\/deployments$/, kind: "read", read: reads.deployments },
  { pattern: /^\/v1\/volumes$/, kind: "read", read: volumes.list },
  { pattern: /^\/v1\/volume\/csi\/([^/]+)$/, kind: "read", read: volumes.read },
  { pattern: /^\/v1\/acl\/policy\/([^/]+)$/, kind: "read", read: acls.policy },
  { pattern: /^\/v1\/acl\/role\/([^/]+)$/, kind: "read", read: acls.role },
  { pattern: /^\/v1\/acl\/token\/self$/, kind: "read", read: acls.ownToken },
];

const parseToken = (headers: Headers): string => {
  const own = headers.get("x-nomad-token")?.trim();
  if (own) return own;
  return /^bearer\s+(\S+)/i.exec(headers.get("authorization") ?? "")?.[1] ?? "";
};

const isStale = (query: URLSearchParams) => {
  const stale = query.get("stale");
  return stale !== null && !/^(0|f|false)$/i.test(stale);
};

/** The HTTP side of the servers, for callers that all come from one address. */
export const createHttp = (deps: HttpDeps) => {
  const { clock, random, leadership, servers, acl, region } = deps;
  const routes = createRoutes(deps);

  const meta = (index: number, nextToken?: string) => ({
    "X-Nomad-Index": String(index),
    "X-Nomad-LastContact": String(Math.floor(leadership.lastContact)),
    "X-Nomad-KnownLeader": String(leadership.known),
    ...(nextToken ? { "X-Nomad-NextToken": nextToken } : {}),
  });

  const json = (
    body: unknown,
    headers: Record<string, string>,
    text: string = JSON.stringify(body),
  ) =>
    new Response(text, {
      headers: { ...headers, "Content-Type": "application/json" },
    });

  /** `host:port` of the leader's RPC, empty without one. */
  const leaderAddress = () => {
    const leader = servers.find(leadership.name);
    return leader ? `${leader.address}:4647` : "";
  };

  const requireLeader = async (signal: AbortSignal) => {
    const error = await leadership.await(signal);
    if (error !== undefined) throw new HttpError(500, error);
  };

  const answer = async (request: Request, server: Server): Promise<Response> => {
    const url = new URL(request.url);
    const query = url.searchParams;
    const stale = isStale(query);
    if (url.pathname === "/v1/agent/members") {
      const rights = acl.rights(parseToken(request.headers));
      if (!rights?.canReadNodes()) throw new HttpError(403, "Permission denied");
      return json(viewMembers(servers, server, region), {});
    }
    const wanted = query.get("region") ?? region;
    if (wanted !== region) throw new HttpError(500, "No path to region");
    if (url.pathname === "/v1/status/leader") {
      if (!stale) await requireLeader(request.signal);
      return json(leaderAddress(), {});
    }

    const route = routes.find(({ pattern }) => pattern.test(url.pathname));
    if (!route) return new Response("", { status: 404 });
    const isWrite = request.method === "PUT" || request.method === "POST";
    if (route.kind === "read" ? request.method !== "GET" : !isWrite) {
      throw new HttpError(405, "Invalid method");
    }
    const body = route.kind === "write" ? await request.text() : "";
    const wait = parseWait(query);
    const needsLeader = route.kind === "write" || !stale;
    if (needsLeader) await requireLeader(request.signal);
    const token = parseToken(request.headers);
    // Asked about itself, a token that is unknown is answered by the route.
    const isAboutItself = url.pathname === "/v1/acl/token/self";
    const rights = acl.rights(token) ?? (isAboutItself ? acl.rights("") : undefined);
    if (!rights) throw new HttpError(403, "Permission denied");
    const params = route.pattern.exec(url.pathname)!.slice(1);
    const call: Call = { params, query, rights, token, body };

    if (route.kind === "write") {
      const result = route.write(call);
      // A write is answered when it is committed: 3 to 8 ms.
      await clock.sleep(between(random, [3, 8]));
      return json(result.body, { "X-Nomad-Index": String(result.index) });
    }
    const found = await readBlocking(deps, wait, needsLeader, request.signal, () =>
      route.read(call),
    );
    const headers = meta(found.index, found.nextToken);
    if (!found.missing) return json(found.body, headers, found.text);
    return new Response(found.missing.message, { status: found.missing.status, headers });
  };

  return limitConnections({ clock, random, servers, limit: CONNECTIONS_PER_CLIENT }, answer);
};
