import assert from "node:assert/strict";

import { DescribeInstancesCommand, type EC2Client } from "@aws-sdk/client-ec2";

import type { ServiceCase } from "./services.ts";

export interface Ec2Target {
  readonly client: EC2Client;
  /** An id that no instance has, or ever had. */
  newId(): string;
  /** Starts a machine, and waits until it runs; gives its id. @default there are none */
  readonly launch?: () => Promise<string>;
  /** Ends one, and waits until it has ended. */
  readonly end?: (id: string) => Promise<void>;
}

export interface Ec2Case extends ServiceCase<Ec2Target> {
  /** Whether it takes a machine. @default false */
  readonly needsMachine?: boolean;
}

const reference = "Amazon EC2 API Reference";

const describe = async ({ client }: Ec2Target, ...InstanceIds: string[]) => {
  const { Reservations = [] } = await client.send(new DescribeInstancesCommand({ InstanceIds }));
  const found = Reservations.flatMap(({ Instances = [] }) => Instances);
  return Object.fromEntries(found.map(({ InstanceId, State }) => [InstanceId, State?.Name]));
};

const launch = (target: Ec2Target): Promise<string> => {
  assert.ok(target.launch);
  return target.launch();
};

export const ec2Contract: readonly Ec2Case[] = [
  {
    title: "an instance that does not exist is refused, by its id",
    source: `${reference}, Error codes, InvalidInstanceID.NotFound`,
    async run(target) {
      const id = target.newId();
      await assert.rejects(describe(target, id), {
        name: "InvalidInstanceID.NotFound",
        message: `The instance ID '${id}' does not exist`,
      });
    },
  },
  {
    title: "several that do not exist are refused together, by all their ids",
    source: `${reference}, Error codes, InvalidInstanceID.NotFound`,
    ministack: "names the first alone",
    async run(target) {
      const ids = [target.newId(), target.newId()];
      await assert.rejects(describe(target, ...ids), {
        name: "InvalidInstanceID.NotFound",
        message: `The instance IDs '${ids.join(", ")}' do not exist`,
      });
    },
  },
  {
    title: "one that does not exist keeps the answer about all others",
    source: `${reference}, DescribeInstances ("If you specify an instance ID that is not valid, an error is returned")`,
    needsMachine: true,
    async run(target) {
      const id = await launch(target);
      await assert.rejects(describe(target, id, target.newId()), {
        name: "InvalidInstanceID.NotFound",
      });
      assert.deepEqual(await describe(target, id), { [id]: "running" });
    },
  },
  {
    title: "what is no id is refused as such",
    source: `${reference}, Error codes, InvalidInstanceID.Malformed`,
    async run(target) {
      for (const id of ["i-xyz", "i-0123", "0123456789abcdef0"])
        await assert.rejects(describe(target, id), { name: "InvalidInstanceID.Malformed" });
    },
  },
  {
    title: "an instance that has ended is terminated, and described for a while",
    source: "Amazon EC2 User Guide, Terminate Amazon EC2 instances (remains visible)",
    needsMachine: true,
    async run(target) {
      const [ended, living] = [await launch(target), await launch(target)];
      assert.ok(target.end);
      await target.end(ended);
      assert.deepEqual(await describe(target, living, ended), {
        [ended]: "terminated",
        [living]: "running",
      });
    },
  },
];
