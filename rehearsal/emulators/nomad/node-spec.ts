import { goTime } from "../hashicorp/go-json.ts";
import type { Node } from "./records.ts";

/** A Nomad client to be started on a machine. */
export interface NodeSpec {
  readonly instanceId: string;
  /** Private address. */
  readonly address: string;
  /** @default the instance id */
  readonly name?: string;
  /** Node pool. @default "default" */
  readonly pool?: string;
  /** Name of the Consul agent beside it; empty for none. @default the node's name */
  readonly consulName?: string;
  readonly datacenter?: string;
  readonly nodeClass?: string;
  /** @default "eu-central-1a" */
  readonly zone?: string;
  /** @default the version of the servers */
  readonly version?: string;
  readonly meta?: Readonly<Record<string, string>>;
  readonly attributes?: Readonly<Record<string, string>>;
  /** Whether the EC2 fingerprinter was in time. Without it there is no instance id. @default true */
  readonly fingerprinted?: boolean;
  /** Sum of the sizes of the allocations that fit. @default 10 */
  readonly capacity?: number;
  /** Seconds that the node stays `initializing`. @default random, 0.1 to 0.5 */
  readonly readyAfterSeconds?: number;
  /** Drivers, with their health. @default raw_exec, healthy */
  readonly drivers?: Readonly<Record<string, boolean>>;
  /** @default a random UUID */
  readonly nodeId?: string;
}

/** The record of a node as its client registers it. */
export const createNodeRecord = (
  spec: NodeSpec,
  id: string,
  secret: string,
  version: string,
  now: number,
): Node => {
  const name = spec.name ?? spec.instanceId;
  const consul = spec.consulName ?? name;
  const drivers = Object.entries(spec.drivers ?? { raw_exec: true });
  return {
    ID: id,
    SecretID: secret,
    Datacenter: spec.datacenter ?? "dc1",
    Name: name,
    HTTPAddr: `${spec.address}:4646`,
    TLSEnabled: false,
    Attributes: {
      "cpu.arch": "arm64",
      "kernel.name": "linux",
      "os.name": "alpine",
      "nomad.version": spec.version ?? version,
      "unique.hostname": name,
      "unique.network.ip-address": spec.address,
      ...(consul
        ? { "unique.consul.name": consul, "consul.datacenter": spec.datacenter ?? "dc1" }
        : {}),
      ...(spec.fingerprinted === false
        ? {}
        : {
            "unique.platform.aws.instance-id": spec.instanceId,
            "unique.platform.aws.local-ipv4": spec.address,
            "platform.aws.placement.availability-zone": spec.zone ?? "eu-central-1a",
          }),
      ...Object.fromEntries(drivers.map(([driver]) => [`driver.${driver}`, "1"])),
      ...spec.attributes,
    },
    Links: {},
    Meta: { ...spec.meta },
    NodeClass: spec.nodeClass ?? "",
    NodePool: spec.pool ?? "default",
    ComputedClass: "",
    DrainStrategy: null,
    SchedulingEligibility: "eligible",
    Status: "initializing",
    StatusDescription: "",
    StatusUpdatedAt: 0,
    Events: [],
    Drivers: Object.fromEntries(
      drivers.map(([driver, healthy]) => [
        driver,
        {
          Attributes: null,
          Detected: true,
          Healthy: healthy,
          HealthDescription: healthy ? "Healthy" : "Failed",
          UpdateTime: goTime(now),
        },
      ]),
    ),
    CSIControllerPlugins: {},
    CSINodePlugins: {},
    HostVolumes: null,
    LastDrain: null,
    CreateIndex: 0,
    ModifyIndex: 0,
  };
};
