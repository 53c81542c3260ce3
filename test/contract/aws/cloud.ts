import {
  CreateLaunchTemplateCommand,
  DeleteLaunchTemplateCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeInstanceTypeOfferingsCommand,
  DescribeSubnetsCommand,
  type EC2Client,
  paginateDescribeInstances,
  paginateDescribeLaunchTemplates,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import { GetCallerIdentityCommand, type STSClient } from "@aws-sdk/client-sts";

import type { EventChannel } from "./event-channel.ts";
import { isOurs, runTag } from "./marks.ts";

/** With two processors, the smallest there is. */
export const machineType = "t4g.nano";

/** A place in an account where runs leave something. */
export interface Holder {
  /** What it holds, in the plural. */
  readonly what: string;
  /** Names of what any run has left. */
  find(): Promise<readonly string[]>;
  remove(name: string): Promise<void>;
}

/** What a run needs of an account beside Auto Scaling. */
export interface Cloud {
  /** Whose credentials these are. */
  whoAmI(): Promise<string>;
  /** Subnets of the default VPC, one in each zone that has the machines. */
  findSubnets(): Promise<readonly string[]>;
  /** @returns its id */
  makeLaunchTemplate(name: string, run: string): Promise<string>;
  /** Ids of those that any run has made. */
  findLaunchTemplates(): Promise<readonly string[]>;
  deleteLaunchTemplate(id: string): Promise<void>;
  /** Ids of the machines of any run that have not ended. */
  findMachines(): Promise<readonly string[]>;
  terminateMachines(ids: readonly string[]): Promise<void>;
  hasPower(id: string): Promise<boolean>;
  readonly channel: EventChannel;
  /** Where else runs leave something. */
  readonly holders: readonly Holder[];
}

const tagged = [{ Name: "tag-key", Values: [runTag] }];

/** The newest minimal Amazon Linux for arm64. */
const findImage = async (ec2: EC2Client): Promise<string> => {
  const { Images = [] } = await ec2.send(
    new DescribeImagesCommand({
      Owners: ["amazon"],
      Filters: [
        { Name: "name", Values: ["al2023-ami-minimal-2023.*-arm64"] },
        { Name: "state", Values: ["available"] },
      ],
    }),
  );
  const [newest] = Images.toSorted((a, b) =>
    (b.CreationDate ?? "").localeCompare(a.CreationDate ?? ""),
  );
  if (newest?.ImageId === undefined)
    throw new Error("no image al2023-ami-minimal-2023.*-arm64 of Amazon's is available here");
  return newest.ImageId;
};

/** An account, by its EC2 and STS. */
export const accountCloud = (
  ec2: EC2Client,
  sts: STSClient,
  channel: EventChannel,
  holders: readonly Holder[],
): Cloud => ({
  channel,
  holders,

  async whoAmI() {
    const { Arn = "unknown" } = await sts.send(new GetCallerIdentityCommand({}));
    return Arn;
  },

  async findSubnets() {
    const { InstanceTypeOfferings = [] } = await ec2.send(
      new DescribeInstanceTypeOfferingsCommand({
        LocationType: "availability-zone",
        Filters: [{ Name: "instance-type", Values: [machineType] }],
      }),
    );
    const zones = new Set(InstanceTypeOfferings.map(({ Location }) => Location));
    const { Subnets = [] } = await ec2.send(
      new DescribeSubnetsCommand({ Filters: [{ Name: "default-for-az", Values: ["true"] }] }),
    );
    // Some old zones have no such machines.
    return Subnets.filter(({ AvailabilityZone }) => zones.has(AvailabilityZone))
      .toSorted((a, b) => (a.AvailabilityZone ?? "").localeCompare(b.AvailabilityZone ?? ""))
      .flatMap(({ SubnetId }) => SubnetId ?? []);
  },

  async makeLaunchTemplate(name, run) {
    const Tags = [
      { Key: "Name", Value: name },
      { Key: runTag, Value: run },
    ];
    const { LaunchTemplate } = await ec2.send(
      new CreateLaunchTemplateCommand({
        LaunchTemplateName: name,
        TagSpecifications: [{ ResourceType: "launch-template", Tags }],
        LaunchTemplateData: {
          ImageId: await findImage(ec2),
          InstanceType: machineType,
          // No address to pay for, and nothing to reach it by.
          NetworkInterfaces: [{ DeviceIndex: 0, AssociatePublicIpAddress: false }],
          MetadataOptions: { HttpTokens: "required" },
          CreditSpecification: { CpuCredits: "standard" },
          TagSpecifications: [
            { ResourceType: "instance", Tags },
            { ResourceType: "volume", Tags },
          ],
        },
      }),
    );
    if (LaunchTemplate?.LaunchTemplateId === undefined)
      throw new Error(`EC2 made no launch template ${name}`);
    return LaunchTemplate.LaunchTemplateId;
  },

  async findLaunchTemplates() {
    const found: string[] = [];
    const pages = paginateDescribeLaunchTemplates({ client: ec2 }, { Filters: tagged });
    for await (const { LaunchTemplates = [] } of pages)
      found.push(
        ...LaunchTemplates.filter(isOurs).flatMap(({ LaunchTemplateId }) => LaunchTemplateId ?? []),
      );
    return found;
  },

  async deleteLaunchTemplate(id) {
    await ec2.send(new DeleteLaunchTemplateCommand({ LaunchTemplateId: id }));
  },

  async findMachines() {
    const found: string[] = [];
    const pages = paginateDescribeInstances(
      { client: ec2 },
      {
        Filters: [
          ...tagged,
          { Name: "instance-state-name", Values: ["pending", "running", "stopping", "stopped"] },
        ],
      },
    );
    for await (const { Reservations = [] } of pages)
      for (const { Instances = [] } of Reservations)
        found.push(...Instances.filter(isOurs).flatMap(({ InstanceId }) => InstanceId ?? []));
    return found;
  },

  async terminateMachines(ids) {
    await ec2.send(new TerminateInstancesCommand({ InstanceIds: [...ids] }));
  },

  async hasPower(id) {
    const { Reservations = [] } = await ec2.send(
      new DescribeInstancesCommand({ Filters: [{ Name: "instance-id", Values: [id] }] }),
    );
    const state = Reservations[0]?.Instances?.[0]?.State?.Name;
    return state === "pending" || state === "running";
  },
});
