import type { Leadership } from "./leadership.ts";

export interface ServerSpec {
  readonly name: string;
  readonly address: string;
  /** @default the region's version */
  readonly version?: string;
}

/** What a caller meets instead of the servers. */
export type Outage = "refused" | "silent";

/** The servers of a region and whether they can be reached. */
export const createServers = (
  leadership: Leadership,
  region: { name: string; version: string },
) => {
  const servers = new Map<string, ServerSpec & { alive: boolean }>();
  let outage: Outage | undefined;

  return {
    add: (spec: ServerSpec) => void servers.set(spec.name, { ...spec, alive: true }),
    setAlive(name: string, alive: boolean) {
      const server = servers.get(name);
      if (!server) throw new Error(`no Nomad server is called ${name}`);
      server.alive = alive;
    },
    setOutage(kind: Outage | undefined) {
      outage = kind;
    },
    has: (address: string) => [...servers.values()].some((server) => server.address === address),

    /**
     * The server that a request reaches: the one whose address it names, else
     * (behind a name or a load balancer) any that lives.
     *
     * @throws as `fetch` does, or only when the caller gives up
     */
    async reach(request: Request): Promise<string> {
      request.signal.throwIfAborted();
      const host = new URL(request.url).hostname;
      const named = [...servers.values()].find((server) => server.address === host);
      const server = named ?? [...servers.values()].find(({ alive }) => alive);
      if (outage === "silent") {
        return await new Promise<never>((_resolve, reject) => {
          request.signal.addEventListener("abort", () => reject(request.signal.reason), {
            once: true,
          });
        });
      }
      if (outage === "refused" || !server?.alive) {
        const cause = Object.assign(new Error(`connect ECONNREFUSED ${host}`), {
          code: "ECONNREFUSED",
        });
        throw new TypeError("fetch failed", { cause });
      }
      return server.name;
    },

    /** `host:port` of the leader's RPC, empty without one. */
    leaderAddress(): string {
      const leader = leadership.name === undefined ? undefined : servers.get(leadership.name);
      return leader ? `${leader.address}:4647` : "";
    },

    members: (asked: string) => ({
      ServerName: asked,
      ServerRegion: region.name,
      ServerDC: "dc1",
      Members: [...servers.values()].map((server) => ({
        Name: `${server.name}.${region.name}`,
        Addr: server.address,
        Port: 4648,
        Tags: {
          build: server.version ?? region.version,
          region: region.name,
          dc: "dc1",
          role: "nomad",
          port: "4647",
          expect: String(servers.size),
        },
        Status: server.alive ? "alive" : "failed",
        ProtocolMin: 1,
        ProtocolMax: 5,
        ProtocolCur: 2,
        DelegateMin: 2,
        DelegateMax: 5,
        DelegateCur: 4,
      })),
    }),
  };
};

export type Servers = ReturnType<typeof createServers>;
