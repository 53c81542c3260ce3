import type { Server, Servers } from "../hashicorp/servers.ts";

/** `GET /v1/agent/members`: the servers, never the clients. */
export const viewMembers = (servers: Servers, asked: Server, region: string) => ({
  ServerName: asked.name,
  ServerRegion: region,
  ServerDC: "dc1",
  Members: servers.list().map((server) => ({
    Name: `${server.name}.${region}`,
    Addr: server.address,
    Port: 4648,
    Tags: {
      build: server.version,
      region,
      dc: "dc1",
      role: "nomad",
      port: "4647",
      expect: String(servers.list().length),
    },
    Status: server.alive ? "alive" : "failed",
    ProtocolMin: 1,
    ProtocolMax: 5,
    ProtocolCur: 2,
    DelegateMin: 2,
    DelegateMax: 5,
    DelegateCur: 4,
  })),
});
