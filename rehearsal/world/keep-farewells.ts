import type { Consul } from "../emulators/consul/create-consul.ts";
import type { Service } from "../emulators/service.ts";
import type { Farewell } from "./park.ts";

const forceLeave = /^\/v1\/agent\/force-leave\/([^/]+)$/;

const readFarewell = async (
  request: Request,
): Promise<Pick<Farewell, "call" | "member"> | undefined> => {
  const { pathname } = new URL(request.url);
  const left = forceLeave.exec(pathname)?.[1];
  if (left !== undefined) return { call: "force-leave", member: decodeURIComponent(left) };
  if (pathname !== "/v1/catalog/deregister") return undefined;
  const { Node } = (await request.json()) as { readonly Node?: unknown };
  return typeof Node === "string" ? { call: "deregister", member: Node } : undefined;
};

/** Keeps which members Consul was told to forget over a connection, as far as it did so. */
export const keepFarewells = (
  { service, truth }: Pick<Consul, "service" | "truth">,
  now: () => number,
): { readonly service: Service; readonly farewells: readonly Farewell[] } => {
  const farewells: Farewell[] = [];
  return {
    farewells,
    service: async (request) => {
      const farewell = request.method === "PUT" ? await readFarewell(request.clone()) : undefined;
      if (farewell === undefined) return service(request);
      const isAlive = truth.isRunning(farewell.member);
      const answer = await service(request);
      if (answer.ok) farewells.push({ at: now(), ...farewell, isAlive });
      return answer;
    },
  };
};
