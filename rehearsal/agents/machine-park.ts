import type { AddressBlock } from "./addresses.ts";
import type { Api } from "./api.ts";
import { type Launcher, launchMachine, type MachineSpecification } from "./launch.ts";
import type { RunningMachine } from "./launch.ts";
import type { LiveClient, LiveInstance } from "./live-cluster.ts";
import { waitFor } from "./polling.ts";

/** The machines of a cluster that are switched on. */
export interface MachinePark {
  launch(specification: MachineSpecification): Promise<RunningMachine>;
  /** @throws Error if no machine has the name */
  find(name: string): Promise<RunningMachine>;
  addClient(instance: LiveInstance, serves?: "nomad" | "consul"): Promise<LiveClient>;
  powerOff(name: string): Promise<void>;
  powerOffAll(): Promise<void>;
}

const composeMeta = (instance: LiveInstance): Record<string, string> => ({
  ...(instance.pool === undefined ? {} : { "drover.pool": instance.pool }),
  ...instance.meta,
});

/** @returns the node's id once Nomad says `ready` and Consul `passing` */
const findReadyNode = async (
  { instanceId, consulName = instanceId }: LiveInstance,
  nomad: Api,
  consul: Api,
): Promise<string | undefined> => {
  const filter = `Attributes["unique.platform.aws.instance-id"]=="${instanceId}" and Status=="ready"`;
  const nodes = await nomad.call<{ ID: string }[]>(
    "GET",
    `/v1/nodes?filter=${encodeURIComponent(filter)}`,
  );
  const checks = await consul.call<{ CheckID: string; Status: string }[]>(
    "GET",
    `/v1/health/node/${consulName}`,
  );
  const alive = checks.some(
    (check) => check.CheckID === "serfHealth" && check.Status === "passing",
  );
  return alive ? nodes[0]?.ID : undefined;
};

/** @param nomad - calls with the management token, as does `consul` */
export const createMachinePark = (
  launcher: Launcher,
  addresses: AddressBlock,
  nomad: Api,
  consul: Api,
): MachinePark => {
  const machines = new Map<string, Promise<RunningMachine>>();

  const launch = (specification: MachineSpecification): Promise<RunningMachine> => {
    const { name } = specification;
    if (machines.has(name)) throw new Error(`${name} is already there`);
    const launching = launchMachine(launcher, specification);
    machines.set(name, launching);
    launching.catch(() => machines.delete(name));
    return launching;
  };

  const find = async (name: string): Promise<RunningMachine> => {
    const machine = machines.get(name);
    if (machine === undefined) throw new Error(`there is no ${name}`);
    return machine;
  };

  const powerOff = async (name: string): Promise<void> => {
    await (await find(name)).powerOff();
    machines.delete(name);
  };

  return {
    launch,
    find,
    powerOff,
    powerOffAll: async () => {
      await Promise.allSettled([...machines.keys()].map(powerOff));
    },
    addClient: async (instance, serves) => {
      const { instanceId } = instance;
      const machine = await launch({
        name: instanceId,
        address: addresses.next(),
        ...(instance.consulName === undefined ? {} : { consulName: instance.consulName }),
        nomadClient: { nodePool: instance.nodePool ?? "default", meta: composeMeta(instance) },
        ...(serves === "nomad" ? { nomadServer: "joining" } : {}),
        ...(serves === "consul" ? { consulServer: "joining" } : {}),
      });
      const nodeId = await waitFor(
        `${instanceId} to be ready in Nomad and alive in Consul`,
        async () => {
          await machine.assertAlive();
          return findReadyNode(instance, nomad, consul);
        },
      );
      return { instanceId, nodeId, address: machine.address };
    },
  };
};
