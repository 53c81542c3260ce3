import type { Agenda } from "../../agenda.ts";
import { between, uuid, type Random } from "../../random.ts";
import type { Catalog, ServiceSpec } from "./catalog.ts";
import type { Member } from "./records.ts";

/** An agent to be started on a machine. */
export interface AgentSpec {
  /** Its node name. */
  readonly name: string;
  readonly address: string;
  /** @default the name */
  readonly instanceId?: string;
  /** `node_meta` of its configuration. */
  readonly meta?: Readonly<Record<string, string>>;
  /** Registered while it lives. @default none */
  readonly services?: readonly ServiceSpec[];
}

interface Agent {
  readonly spec: AgentSpec;
  readonly nodeId: string;
  running: boolean;
  services: ServiceSpec[];
}

const HOUR = 3_600_000;
/** Failed members are remembered this long. */
const REAP = 72 * HOUR;
/** The pool takes the name of a dead member from no other address for so long. */
const RECLAIM = 30_000;

/**
 * The agents, the gossip between them, and what each of the two does to the
 * catalog: the leader follows gossip, and every agent puts back by itself what
 * it misses in the catalog.
 */
export const createGossip = (deps: {
  catalog: Catalog;
  agenda: Agenda;
  random: Random;
  whenLed: (action: () => void) => void;
}) => {
  const { catalog, agenda, random, whenLed } = deps;
  const agents = new Map<string, Agent>();
  const byInstance = new Map<string, Agent>();
  const members = new Map<string, Member>();
  /** Addresses that names of the dead belong to for a while. */
  const reserved = new Map<string, string>();

  const later = (bounds: readonly [number, number], action: () => void) =>
    agenda.after(between(random, bounds), () => whenLed(action));

  const describe = (agent: Agent) => ({
    nodeId: agent.nodeId,
    name: agent.spec.name,
    address: agent.spec.address,
    meta: agent.spec.meta ?? {},
  });

  const isHealthy = (name: string) =>
    agents.get(name)?.running === true && members.get(name)?.status === "alive";

  const isMember = (agent: Agent) => members.get(agent.spec.name)?.status === "alive";

  const syncServices = (agent: Agent) => {
    if (!agent.running || !catalog.entries.has(agent.spec.name)) return;
    for (const service of agent.services) catalog.registerService(agent.spec.name, service);
  };

  /** An agent notices that the catalog has lost it: first the node, then its services. */
  const resurrect = (agent: Agent) => {
    if (!agent.running) return;
    if (!catalog.registerNode(describe(agent))) return;
    // Without membership nobody writes the health check, so it never turns critical.
    if (isMember(agent)) catalog.setSerfHealth(agent.spec.name, "passing");
  };

  /**
   * One that came while another agent had its name alive: the pool does not know it, and the
   * catalog takes it once the other one's check is critical, which it stays.
   */
  const wait = (agent: Agent) =>
    later([5000, 25_000], () => {
      if (!agent.running) return;
      if (catalog.registerNode(describe(agent))) syncServices(agent);
      else wait(agent);
    });

  const join = (agent: Agent) => {
    if (!agent.running) return;
    const { name, address } = agent.spec;
    if (agents.get(name) !== agent) {
      wait(agent);
      return;
    }
    if ((reserved.get(name) ?? address) !== address) {
      later([1000, 5000], () => join(agent));
      return;
    }
    members.set(name, { name, address, nodeId: agent.nodeId, status: "alive" });
    whenLed(() => {
      if (!agent.running) return;
      if (catalog.registerNode(describe(agent))) {
        catalog.setSerfHealth(name, "passing");
        later([100, 1000], () => syncServices(agent));
      } else {
        // The name is held by a healthy node: refused until that one is critical.
        later([5000, 15_000], () => join(agent));
      }
    });
  };

  const fail = (agent: Agent) => {
    const member = members.get(agent.spec.name);
    if (agent.running || member?.nodeId !== agent.nodeId) return;
    if (member.status === "leaving") {
      // Its end had been announced: it has left.
      member.status = "left";
      whenLed(() => catalog.deregister(agent.spec.name));
    }
    if (member.status !== "alive") return;
    member.status = "failed";
    reserved.set(agent.spec.name, member.address);
    agenda.after(RECLAIM, () => reserved.delete(agent.spec.name));
    whenLed(() => catalog.setSerfHealth(agent.spec.name, "critical"));
    agenda.after(REAP, () => {
      if (members.get(agent.spec.name) !== member || member.status !== "failed") return;
      members.delete(agent.spec.name);
      whenLed(() => catalog.deregister(agent.spec.name));
    });
  };

  /**
   * Seconds until the others take a silent agent for failed: a probe, then the
   * suspicion. That grows with the logarithm of the pool, and is up to six times
   * as long where too few living members are left to confirm it (two are wanted
   * besides the first one, in pools of four and more).
   */
  const suspicion = (): number => {
    const known = members.size;
    const alive = [...members.values()].filter((member) => isHealthy(member.name)).length;
    const shortest = 4 * Math.max(1, Math.log10(Math.max(1, known)));
    const wanted = known < 4 ? 0 : 2;
    const confirming = Math.min(wanted, Math.max(0, alive - 1));
    const doubt = wanted === 0 ? 0 : 1 - Math.log(confirming + 1) / Math.log(wanted + 1);
    return between(random, [1, 2]) + shortest * (1 + 5 * doubt);
  };

  const runningAgent = (name: string) => {
    const agent = agents.get(name);
    return agent?.running ? agent : undefined;
  };

  return {
    members: members as ReadonlyMap<string, Member>,
    isRunning: (name: string) => runningAgent(name) !== undefined,

    start(spec: AgentSpec) {
      const agent: Agent = {
        spec,
        nodeId: uuid(random),
        running: true,
        services: [...(spec.services ?? [])],
      };
      if (!isHealthy(spec.name)) agents.set(spec.name, agent);
      byInstance.set(spec.instanceId ?? spec.name, agent);
      agenda.after(between(random, [100, 500]), () => join(agent));
    },

    addService(name: string, service: ServiceSpec) {
      const agent = runningAgent(name);
      if (!agent) throw new Error(`no Consul agent called ${name} is running`);
      agent.services.push(service);
      later([50, 300], () => syncServices(agent));
    },

    removeService(name: string, id: string) {
      const agent = runningAgent(name);
      if (!agent) return;
      agent.services = agent.services.filter((service) => (service.id ?? service.name) !== id);
      later([50, 300], () => catalog.deregisterService(name, id));
    },

    /** The process is gone without a word; the others notice after 5 to 6 s, or more. */
    kill(ref: string) {
      for (const agent of new Set([agents.get(ref), byInstance.get(ref)])) {
        if (!agent?.running) continue;
        agent.running = false;
        agenda.after(suspicion() * 1000, () => fail(agent));
      }
    },

    /** SIGTERM or `consul leave`: the catalog is clean within 0.5 to 4 s. */
    leave(name: string) {
      const agent = runningAgent(name);
      if (!agent) return;
      agent.running = false;
      const member = members.get(name);
      if (member) member.status = "left";
      later([500, 4000], () => catalog.deregister(name));
    },

    /** @returns false where no member has the name */
    forceLeave(name: string, prune: boolean): boolean {
      const member = members.get(name);
      if (!member) return false;
      const agent = runningAgent(name);
      if (agent && !prune) {
        member.status = "leaving";
        // A living agent refutes its departure, unless it takes the news for old (by the logical
        // clocks, which is as good as by chance): then it goes on as "leaving".
        const refutes = random() < 0.5;
        agenda.after(between(random, [50, 100]), () => {
          if (refutes && members.get(name) === member && agent.running) member.status = "alive";
        });
      } else if (prune) {
        members.delete(name);
        whenLed(() => catalog.deregister(name));
        // The agent puts itself back at its next full synchronisation, every one to two minutes
        // (84 s were seen), and nobody takes it for a member any more.
        if (agent) {
          later([60_000, 120_000], () => {
            resurrect(agent);
            syncServices(agent);
          });
        }
      } else {
        member.status = "left";
        later([10, 100], () => catalog.deregister(name));
      }
      return true;
    },

    /** The catalog lost a node by request: a living agent undoes that. */
    noteDeregistered(name: string) {
      const agent = runningAgent(name);
      if (!agent) return;
      later([6000, 17_000], () => resurrect(agent));
      later([17_000, 41_000], () => syncServices(agent));
    },
  };
};

export type Gossip = ReturnType<typeof createGossip>;
