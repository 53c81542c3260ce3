import type { Clock } from "../../../lambdas/runtime/clock.ts";
import type { Random } from "../../random.ts";
import { HttpError } from "../hashicorp/http-error.ts";
import type { Leadership } from "../hashicorp/leadership.ts";
import { limitConnections, type Servers } from "../hashicorp/servers.ts";
import type { ConsulAcl } from "./acl.ts";
import type { Catalog } from "./catalog.ts";
import type { ConsulCall, createConsulRoutes } from "./routes.ts";

/** A server refuses more connections than this from one address. */
const CONNECTIONS_PER_CLIENT = 200;

interface Route {
  readonly method: "GET" | "PUT";
  readonly pattern: RegExp;
  /** The catalog belongs to the leader, the member list to every agent. */
  readonly needsLeader: boolean;
  readonly answer: (call: ConsulCall) => unknown;
}

const createTable = (routes: ReturnType<typeof createConsulRoutes>): readonly Route[] => {
  const local = (method: Route["method"], pattern: RegExp, answer: Route["answer"]): Route => ({
    method,
    pattern,
    needsLeader: false,
    answer,
  });
  const led = (method: Route["method"], pattern: RegExp, answer: Route["answer"]): Route => ({
    method,
    pattern,
    needsLeader: true,
    answer,
  });
  return [
    local("PUT", /^\/v1\/agent\/force-leave\/(.+)$/, (call) => routes.forceLeave(call)),
    local("GET", /^\/v1\/agent\/members$/, routes.members),
    led("PUT", /^\/v1\/catalog\/deregister$/, (call) => routes.deregister(call)),
    led("GET", /^\/v1\/catalog\/nodes$/, routes.nodes),
    led("GET", /^\/v1\/catalog\/service\/(.+)$/, routes.serviceNodes),
    led("GET", /^\/v1\/catalog\/node\/(.+)$/, (call) => routes.node(call)),
    led("GET", /^\/v1\/catalog\/node-services\/(.+)$/, (call) => routes.nodeServices(call)),
    led("GET", /^\/v1\/health\/node\/(.+)$/, routes.checks),
  ];
};

const parseToken = (headers: Headers): string =>
  headers.get("x-consul-token") ??
  /^bearer\s+(\S+)/i.exec(headers.get("authorization") ?? "")?.[1] ??
  "";

/** The HTTP side of the servers. */
export const createConsulHttp = (deps: {
  clock: Clock;
  random: Random;
  leadership: Leadership;
  servers: Servers;
  acl: ConsulAcl;
  catalog: Catalog;
  datacenter: string;
  routes: ReturnType<typeof createConsulRoutes>;
}) => {
  const { leadership, servers, acl, catalog, datacenter } = deps;
  const table = createTable(deps.routes);

  const json = (body: unknown) =>
    new Response(JSON.stringify(body), {
      headers: {
        "Content-Type": "application/json",
        "X-Consul-Index": String(catalog.index),
        "X-Consul-KnownLeader": String(leadership.known),
        "X-Consul-LastContact": String(Math.floor(leadership.lastContact)),
      },
    });

  const answer = async (request: Request): Promise<Response> => {
    const url = new URL(request.url);
    const address = (server: { address: string }) => `${server.address}:8300`;
    if (url.pathname === "/v1/status/leader") {
      const leader = servers.find(leadership.name);
      return json(leader ? address(leader) : "");
    }
    if (url.pathname === "/v1/status/peers") return json(servers.list().map(address));

    if (url.pathname === "/v1/acl/token/self") {
      if (!acl.enabled) throw new HttpError(401, "ACL support disabled");
      const own = acl.describeToken(parseToken(request.headers));
      if (!own) throw new HttpError(403, "token does not exist: ACL not found");
      return json(own);
    }

    const route = table.find(({ pattern }) => pattern.test(url.pathname));
    if (!route)
      return new Response("Invalid URL path: not a recognized HTTP API endpoint", { status: 404 });
    if (route.method !== request.method) {
      throw new HttpError(405, `method ${request.method} not allowed`);
    }
    const wanted = url.searchParams.get("dc") ?? datacenter;
    if (wanted !== datacenter) throw new HttpError(500, "No path to datacenter");
    const body = route.method === "PUT" ? await request.text() : "";
    if (route.needsLeader) {
      const error = await leadership.await(request.signal);
      if (error !== undefined) throw new HttpError(500, error);
    }
    const rights = acl.rights(parseToken(request.headers));
    if (!rights) throw new HttpError(403, "ACL not found");
    const name = decodeURIComponent(route.pattern.exec(url.pathname)?.[1] ?? "");
    const found = route.answer({ name, query: url.searchParams, rights, body });
    // A force-leave is answered with an empty body.
    return found === null && route.method === "PUT" ? new Response("") : json(found);
  };

  return limitConnections({ ...deps, limit: CONNECTIONS_PER_CLIENT }, answer);
};
