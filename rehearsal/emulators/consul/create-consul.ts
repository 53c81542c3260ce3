import type { Clock } from "../../../lambdas/runtime/clock.ts";
import { createAgenda } from "../../agenda.ts";
import type { Random } from "../../random.ts";
import { createLeadership } from "../hashicorp/leadership.ts";
import { createServers, type Outage, type ServerSpec } from "../hashicorp/servers.ts";
import type { Service } from "../service.ts";
import { createConsulAcl, type ConsulAcl } from "./acl.ts";
import { createCatalog, type ServiceSpec } from "./catalog.ts";
import { createGossip, type AgentSpec } from "./gossip.ts";
import { createConsulHttp } from "./http.ts";
import type { MemberStatus } from "./records.ts";
import { createConsulRoutes } from "./routes.ts";

export interface ConsulOptions {
  readonly clock: Clock;
  /** Seeded; everything that varies comes from it. */
  readonly random: Random;
  /** @default "dc1" */
  readonly datacenter?: string;
  /** @default "1.15.4" */
  readonly version?: string;
}

/** What is really so, whatever a token may see. */
export interface ConsulTruth {
  /** Whether anything still speaks of a member: its membership or its catalog entry. */
  remembers(name: string): boolean;
  member(name: string): MemberStatus | undefined;
  /** Services that the catalog holds of it; undefined without a catalog entry. */
  services(name: string): string[] | undefined;
  /** `passing` without a check of its own membership marks a zombie. */
  serfHealth(name: string): "passing" | "critical" | undefined;
  isRunning(name: string): boolean;
}

/** An emulated Consul datacenter: its servers and the client agents on the machines. */
export interface Consul {
  /** All its callers share one client address and its 200 connections. */
  readonly service: Service;
  connect(): Service;
  readonly acl: Pick<ConsulAcl, "addToken" | "removeToken">;

  /** Adds a server; the first one leads. */
  addServer(spec: ServerSpec): void;
  setServerAlive(name: string, alive: boolean): void;
  setLeader(name: string | undefined): void;
  setOutage(outage: Outage | undefined): void;

  /** Starts an agent. It joins within half a second. */
  addAgent(spec: AgentSpec): void;
  addService(agent: string, service: ServiceSpec): void;
  removeService(agent: string, serviceId: string): void;
  /** Ends agents without a word, by agent name or instance id. */
  powerOff(ref: string): void;
  /** Has an agent leave in order. */
  leave(name: string): void;

  readonly truth: ConsulTruth;
}

/** Starts an emulated datacenter, empty but for what is added to it. */
export const createConsul = (options: ConsulOptions): Consul => {
  const { clock, random } = options;
  const datacenter = options.datacenter ?? "dc1";
  const version = options.version ?? "1.15.4";
  const leadership = createLeadership(clock, { belief: 2000, hold: 7000 });
  const servers = createServers("Consul", version);
  const catalog = createCatalog(datacenter);
  const gossip = createGossip({
    catalog,
    agenda: createAgenda(clock),
    random,
    whenLed: (action) => leadership.whenLed(action),
  });
  const acl = createConsulAcl(() => clock.now());
  const connect = createConsulHttp({
    clock,
    random,
    leadership,
    servers,
    acl,
    catalog,
    datacenter,
    routes: createConsulRoutes({ catalog, gossip, datacenter, version }),
  });

  return {
    service: connect(),
    connect,
    acl,
    addServer(spec) {
      servers.add(spec);
      if (leadership.term === 0) leadership.set(spec.name);
    },
    setServerAlive: (name, alive) => servers.setAlive(name, alive),
    setLeader: (name) => leadership.set(name),
    setOutage: (outage) => servers.setOutage(outage),
    addAgent: (spec) => gossip.start(spec),
    addService: (agent, service) => gossip.addService(agent, service),
    removeService: (agent, id) => gossip.removeService(agent, id),
    powerOff: (ref) => gossip.kill(ref),
    leave: (name) => gossip.leave(name),
    truth: {
      remembers: (name) => gossip.members.has(name) || catalog.entries.has(name),
      member: (name) => gossip.members.get(name)?.status,
      services: (name) => {
        const entry = catalog.entries.get(name);
        return entry && [...entry.services.values()].map((service) => service.Service);
      },
      serfHealth: (name) => catalog.entries.get(name)?.checks.get("serfHealth")?.Status,
      isRunning: (name) => gossip.isRunning(name),
    },
  };
};
