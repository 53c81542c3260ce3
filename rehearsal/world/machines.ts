import type { HttpHandler, HttpRequest } from "@smithy/protocol-http";
import type { Report } from "../../lambdas/config/report.ts";
import type { Clock } from "../../lambdas/runtime/clock.ts";
import type { Instance } from "../emulators/auto-scaling/state.ts";
import type { ResourceTags } from "../emulators/resource-tags.ts";
import { machineObjects } from "../machines/machine-objects.ts";
import { type Installation, pull, type PullingMachine } from "../machines/pull.ts";
import type { Random } from "../random.ts";
import type { Principal } from "./authorisation.ts";
import type { MachineSpec } from "./machine-specs.ts";

/** The instance tag that names the bundle of a machine. */
export const bundleTag = "drover:bundle";

/** The node meta in which a machine says what it runs, as `examples/pool` has it. */
export const bundleMeta = "drover.bundle";

/** A machine has looked for its bundle, and runs what it found. */
export interface Look {
  readonly bundle: string;
  /** From the beginning to the end of its run. Milliseconds since the epoch. */
  readonly from: number;
  readonly until: number;
}

/** What is known of a machine that fetches its bundle, from the machine itself. */
export interface MachineFact {
  readonly instanceId: string;
  /** All that it ever ran, the oldest first. */
  readonly installations: readonly Installation[];
  /** Runs that ended well, the oldest first. */
  readonly looks: readonly Look[];
  /** Of the last run; absent while the first one is under way. */
  readonly report?: Report | undefined;
}

/** The machines of a world that fetch their bundles. */
export interface Machines {
  /** In the order in which they began to boot. */
  readonly facts: () => readonly MachineFact[];
  /**
   * What a machine does before its agents start.
   *
   * @returns the meta of its node, or undefined when it comes to nothing
   */
  boot(instance: Instance): Promise<Readonly<Record<string, string>> | undefined>;
  /**
   * A machine looks again, as one does that follows its channel.
   *
   * @returns the meta of its node from now on, if it runs anything
   */
  look(instanceId: string): Promise<Readonly<Record<string, string>> | undefined>;
}

interface Known {
  readonly instance: Instance;
  readonly machine: PullingMachine;
  readonly looks: Look[];
  report?: Report;
}

const never = new Promise<never>(() => undefined);

/** What has no power neither calls anybody nor hears an answer. */
const whilePowered = (aws: HttpHandler, instance: Instance): HttpHandler => ({
  ...(aws.metadata && { metadata: aws.metadata }),
  destroy: () => aws.destroy?.(),
  updateHttpClientConfig: (key, value) => aws.updateHttpClientConfig(key, value),
  httpHandlerConfigs: () => aws.httpHandlerConfigs(),
  handle: async (request: HttpRequest, options) => {
    if (instance.power !== "on") return never;
    const answer = await aws.handle(request, options);
    return instance.power === "on" ? answer : never;
  },
});

const metaOf = ({ instance, machine }: Known): Readonly<Record<string, string>> | undefined => {
  const installation = machine.disk.installations.at(-1);
  return (
    installation && {
      "drover.pool": machine.settings.pool,
      [bundleMeta]: installation.bundle,
      "drover.launch_template_version": instance.launchTemplate.version,
    }
  );
};

/** @param specs - of the groups whose machines fetch a bundle */
export const createMachines = ({
  specs,
  awsOf,
  tags,
  arnOf,
  clock,
  random,
}: {
  readonly specs: readonly MachineSpec[];
  readonly awsOf: (principal: Principal) => HttpHandler;
  readonly tags: Pick<ResourceTags, "get">;
  readonly arnOf: (instanceId: string) => string;
  readonly clock: Clock;
  readonly random: Random;
}): Machines => {
  const known = new Map<string, Known>();

  const raise = (instance: Instance, { settings, role }: MachineSpec): Known => {
    const { id: instanceId } = instance;
    const aws = awsOf({
      name: `machine of ${settings.pool}`,
      grantedBy: role,
      userId: `${settings.roleId}:${instanceId}`,
    });
    const machine: PullingMachine = {
      instanceId,
      settings,
      objects: machineObjects(whilePowered(aws, instance), settings),
      tag: () => tags.get(arnOf(instanceId), bundleTag),
      disk: { installations: [] },
      clock,
      random,
    };
    return { instance, machine, looks: [] };
  };

  const run = async (one: Known) => {
    const from = clock.now();
    one.report = await pull(one.machine);
    const { state, bundle } = one.report;
    if (state === "ready" && bundle !== undefined)
      one.looks.push({ bundle, from, until: clock.now() });
    return metaOf(one);
  };

  return {
    facts: () =>
      [...known.values()].map(({ machine, looks, report }) => ({
        instanceId: machine.instanceId,
        installations: machine.disk.installations,
        looks,
        report,
      })),
    boot: async (instance) => {
      const spec = specs.find(({ group }) => group === instance.group);
      if (spec === undefined) return {};
      const one = raise(instance, spec);
      known.set(instance.id, one);
      return run(one);
    },
    look: async (instanceId) => {
      const one = known.get(instanceId);
      if (one === undefined)
        throw new Error(`${instanceId} has fetched nothing that it could look for`);
      return run(one);
    },
  };
};
