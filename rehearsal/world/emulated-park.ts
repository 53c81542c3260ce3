import type { Clock } from "../../lambdas/runtime/clock.ts";
import type { TlsFiles } from "../../lambdas/runtime/surroundings.ts";
import { createConsul, type Consul } from "../emulators/consul/create-consul.ts";
import { createNomad, type Nomad } from "../emulators/nomad/create-nomad.ts";
import type { MaxParallel } from "../emulators/nomad/drain-jobs.ts";
import { between, type Random, seededBy } from "../random.ts";
import { routeByHost, serveInProcess } from "../wire.ts";
import { emulatedCredentials as credentials } from "./emulated-credentials.ts";
import { keepFarewells } from "./keep-farewells.ts";
import {
  type Endpoints,
  foreignNode,
  type MachineEnd,
  type Park,
  readDrain,
  readTruth,
  serverNode,
} from "./park.ts";

export interface EmulatedParkOptions {
  readonly clock: Clock;
  readonly seed: number;
  /** Allocations that fit on a machine. @default 10 */
  readonly capacity?: number;
  /** Milliseconds from power to a running agent. @default 4 to 12 seconds */
  readonly boot?: readonly [number, number];
  /** Of Nomad's servers and clients. @default as the emulator does */
  readonly nomadVersion?: string;
  /** How far `max_parallel` holds when several nodes drain. @default as the version does */
  readonly maxParallel?: MaxParallel;
}

export interface EmulatedPark extends Park {
  readonly nomad: Nomad;
  readonly consul: Consul;
  /** Has the Nomad client of a machine start again with other meta; its tasks go on. */
  restartAgent(instanceId: string, meta: Readonly<Record<string, string>>): void;
  /** Writes to Nomad as a person with every right does. @throws what Nomad refuses */
  operate(path: string, body: unknown): Promise<void>;
}

/** Of the machine that is somebody else's. */
export const foreignInstance = "i-0f0e1617000000001";

const management = { nomad: "nomad-management", consul: "consul-management" };

const droverAccessor = "11111111-1111-4111-8111-111111111111";

/** What the documented policies in `docs/policies` grant. */
const grantAccess = (nomad: Nomad, consul: Consul): void => {
  nomad.acl.addPolicy("drover", {
    node: "write",
    namespaces: { "*": { capabilities: ["read-job", "csi-list-volume"] } },
  });
  nomad.acl.addToken({
    secret: credentials.nomadToken,
    accessor: droverAccessor,
    name: "drover",
    policies: ["drover"],
  });
  nomad.acl.addToken({
    secret: management.nomad,
    accessor: "22222222-2222-4222-8222-222222222222",
    type: "management",
  });
  consul.acl.addToken({
    secret: credentials.consulToken,
    accessor: "33333333-3333-4333-8333-333333333333",
    grants: { operator: "write", node: "write", service: "read" },
  });
  consul.acl.addToken({
    secret: management.consul,
    accessor: "44444444-4444-4444-8444-444444444444",
    grants: "management",
  });
};

const serverAddress = (number: number): string => `10.255.0.${10 + number}`;

/** Emulated machines in an emulated cluster of three servers each. */
export const createEmulatedPark = (
  endpoints: Endpoints,
  options: EmulatedParkOptions,
): EmulatedPark => {
  const { clock, seed, capacity = 10, boot = [4_000, 12_000] } = options;
  const stream = (name: string): Random => seededBy(seed, name);
  const random = stream("park");
  const nomad = createNomad({
    clock,
    random: stream("nomad"),
    region: endpoints.nomadRegion,
    ...(options.nomadVersion !== undefined && { version: options.nomadVersion }),
    ...(options.maxParallel !== undefined && { maxParallel: options.maxParallel }),
  });
  const consul = createConsul({
    clock,
    random: stream("consul"),
    datacenter: endpoints.consulDatacenter,
  });
  for (const number of [1, 2, 3]) {
    nomad.addServer({ name: `nomad-server-${number}`, address: serverAddress(number) });
    const name = `consul-server-${number}`;
    consul.addServer({ name, address: serverAddress(number + 3) });
    // A server is a member like any other, and registers itself.
    consul.addAgent({ name, address: serverAddress(number + 3), services: [{ name: "consul" }] });
  }
  grantAccess(nomad, consul);

  const nomadHost = new URL(endpoints.nomadAddress).host;
  const consulHost = new URL(endpoints.consulAddress).host;
  const heard = keepFarewells(consul, () => clock.now());
  const handler = serveInProcess(
    routeByHost({ [nomadHost]: nomad.service, [consulHost]: heard.service }),
    { clock },
  );
  /** From an address of its own, so that looking takes no connections away. */
  const looking = { nomad: nomad.connect(), consul: consul.connect() };
  const ends: MachineEnd[] = [];
  const poweredOff = new Set<string>();

  const call = async <T>(service: "nomad" | "consul", path: string, body?: unknown): Promise<T> => {
    const address = service === "nomad" ? endpoints.nomadAddress : endpoints.consulAddress;
    const answer = await looking[service](
      new Request(`${address}${path}`, {
        headers: { [`x-${service}-token`]: management[service] },
        ...(body !== undefined && { method: "PUT", body: JSON.stringify(body) }),
      }),
    );
    if (!answer.ok) throw new Error(`${service} ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  };

  /** Waits until something is so, looking twice a second. */
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await clock.sleep(500);
  };

  return {
    nomad,
    consul,
    endpoints,
    credentials,
    ends,
    get chronicle() {
      const { journal, census, keepsMaxParallel, losses } = nomad.truth;
      const { emptyStarts } = losses;
      const { farewells } = heard;
      return {
        droverAccessor,
        keepsMaxParallel,
        writes: journal,
        ...census,
        emptyStarts,
        farewells,
      };
    },
    restartAgent: (instanceId, meta) => nomad.restartAgent(instanceId, meta),
    operate: async (path, body) => void (await call("nomad", path, body)),
    connect: (tls: TlsFiles) => {
      const isKnown =
        tls.ca === credentials.ca &&
        tls.clientCertificate === credentials.clientCertificate &&
        tls.clientKey === credentials.clientKey;
      if (isKnown) return handler;
      const refuse = () =>
        Promise.reject(
          Object.assign(new Error("unable to verify the first certificate"), {
            code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
          }),
        );
      return { ...handler, handle: refuse };
    },
    destinationOf: (host) =>
      host === nomadHost ? "nomad" : host === consulHost ? "consul" : undefined,

    launched: (instance, prepare) => {
      const start = async () => {
        await clock.sleep(between(random, boot));
        if (poweredOff.has(instance.id)) return;
        const meta = prepare ? await prepare(instance) : {};
        if (meta === undefined || poweredOff.has(instance.id)) return;
        const { id, privateIp: address, zone } = instance;
        consul.addAgent({ name: id, address, instanceId: id });
        nomad.addNode({ instanceId: id, address, zone, capacity, meta });
      };
      void start();
    },
    terminated: async ({ id }) => {
      poweredOff.add(id);
      const allocations = new Map(nomad.truth.allocations(id).map((one) => [one.ID, one]));
      const { killedTasks } = nomad.truth.losses;
      const before = killedTasks.length;
      const node = nomad.truth.node(id);
      const claims = node ? nomad.truth.claims(node.ID) : [];
      nomad.powerOff(id);
      consul.powerOff(id);
      ends.push({
        instanceId: id,
        at: clock.now(),
        ...readDrain(node?.Events ?? []),
        liveTasks: killedTasks.slice(before).map(({ allocId, task, stopsBy }) => ({
          job: allocations.get(allocId)?.JobID ?? "unknown",
          task,
          ...(stopsBy !== undefined && { stopsBy }),
        })),
        ...(claims.length > 0 && { claims }),
      });
    },
    ready: (instanceIds) =>
      until(() =>
        instanceIds.every(
          (id) => nomad.truth.node(id)?.Status === "ready" && consul.truth.member(id) === "alive",
        ),
      ),
    runJobs: async (jobs) => {
      for (const { id, type, count, runSeconds } of jobs)
        nomad.runJob({
          id,
          type,
          groups: [{ count, ...(runSeconds !== undefined && { tasks: [{ runSeconds }] }) }],
        });
      const isUp = (id: string) => {
        const allocations = nomad.truth.allocationsOf(id);
        return (
          allocations.length > 0 &&
          allocations.every(({ ClientStatus }) => /running|complete/.test(ClientStatus))
        );
      };
      await until(() => jobs.every(({ id }) => isUp(id)));
    },
    addForeign: async () => {
      nomad.addNode({
        instanceId: foreignInstance,
        name: foreignNode,
        address: "10.254.0.1",
        pool: "foreign",
      });
      consul.addAgent({ name: foreignNode, address: "10.254.0.1" });
      // A client on the machine of a server.
      nomad.addNode({
        instanceId: "i-05e17e12000000001",
        name: serverNode,
        address: serverAddress(1),
        pool: "foreign",
      });
      nomad.runJob({ id: "somebody-elses-job", pool: "foreign", groups: [{ count: 2 }] });
      await until(() =>
        nomad.truth
          .allocationsOf("somebody-elses-job")
          .some(({ ClientStatus }) => ClientStatus === "running"),
      );
    },
    look: () => {
      // Whoever judges is not cut off, as an outage would everybody.
      nomad.setOutage(undefined);
      consul.setOutage(undefined);
      if (nomad.truth.leader === undefined) nomad.setLeader("nomad-server-1");
      return readTruth(call);
    },
    close: async () => undefined,
  };
};
