import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { AutoScalingClient, CreateAutoScalingGroupCommand } from "@aws-sdk/client-auto-scaling";
import {
  DescribeLaunchTemplateVersionsCommand,
  DescribeSubnetsCommand,
  EC2Client,
  RunInstancesCommand,
} from "@aws-sdk/client-ec2";
import { DescribeRuleCommand, EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { ListQueuesCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { STSClient } from "@aws-sdk/client-sts";

import {
  compilePattern,
  type EventPattern,
} from "../../rehearsal/emulators/event-bridge/patterns.ts";
import { createManualClock } from "../rehearsal/emulators/manual-clock.ts";
import { groupOf } from "./auto-scaling-target.ts";
import { cleanUp, findGroups } from "./aws/clean-up.ts";
import { accountCloud, type Cloud } from "./aws/cloud.ts";
import { accountChannel } from "./aws/event-channel.ts";
import { groupPrefix, runTag } from "./aws/marks.ts";
import { anybody, type Ministack, startMinistack } from "./ministack/server.ts";

/** What a run against an account asks of EC2 and STS, asked of an EC2 that is not ours. */
describe("an account, ministack's", () => {
  let ministack: Ministack;
  let ec2: EC2Client;
  let autoScaling: AutoScalingClient;
  let events: EventBridgeClient;
  let sqs: SQSClient;
  let cloud: Cloud;
  before(async () => {
    ministack = await startMinistack();
    const settings = {
      endpoint: ministack.endpoint,
      region: "eu-west-1",
      credentials: anybody,
      maxAttempts: 1,
    };
    ec2 = new EC2Client(settings);
    // It has no image of this kind, and does not say which zones have which machines.
    const answers: Readonly<Record<string, object>> = {
      DescribeImagesCommand: {
        Images: [
          { ImageId: "ami-0000000000000001a", CreationDate: "2026-01-01T00:00:00.000Z" },
          { ImageId: "ami-0000000000000002b", CreationDate: "2026-02-01T00:00:00.000Z" },
        ],
      },
      DescribeInstanceTypeOfferingsCommand: {
        InstanceTypeOfferings: ["eu-west-1c", "eu-west-1a"].map((Location) => ({ Location })),
      },
    };
    ec2.middlewareStack.add(
      (next, context) => async (args) => {
        const answer = answers[String(context["commandName"])];
        return answer ? { response: undefined, output: { $metadata: {}, ...answer } } : next(args);
      },
      { step: "initialize" },
    );
    autoScaling = new AutoScalingClient(settings);
    events = new EventBridgeClient(settings);
    sqs = new SQSClient(settings);
    cloud = accountCloud(ec2, new STSClient(settings), accountChannel(events, sqs));
  });
  after(async () => {
    for (const client of [ec2, autoScaling, events, sqs]) client.destroy();
    await ministack.close();
  });

  const run = async (LaunchTemplateId: string): Promise<string> => {
    const { Instances } = await ec2.send(
      new RunInstancesCommand({
        LaunchTemplate: { LaunchTemplateId },
        MinCount: 1,
        MaxCount: 1,
        // It does not take them from the launch template.
        TagSpecifications: [{ ResourceType: "instance", Tags: [{ Key: runTag, Value: "any" }] }],
      }),
    );
    return Instances?.[0]?.InstanceId ?? "";
  };

  it("says whose it is, and has a subnet in each zone with the machines", async () => {
    assert.match(await cloud.whoAmI(), /^arn:aws:iam::\d{12}:/);
    const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand());
    const zoneOf = (id: string) =>
      Subnets.find(({ SubnetId }) => SubnetId === id)?.AvailabilityZone;
    assert.deepEqual((await cloud.findSubnets()).map(zoneOf), ["eu-west-1a", "eu-west-1c"]);
  });

  it("has a launch template whose machines are found by their tag, and ended", async () => {
    const id = await cloud.makeLaunchTemplate("drover-contract-one", "one");
    assert.deepEqual(await cloud.findLaunchTemplates(), [id]);
    const { LaunchTemplateVersions } = await ec2.send(
      new DescribeLaunchTemplateVersionsCommand({ LaunchTemplateId: id, Versions: ["1"] }),
    );
    const data = LaunchTemplateVersions?.[0]?.LaunchTemplateData;
    assert.deepEqual(
      [data?.ImageId, data?.InstanceType, data?.NetworkInterfaces?.[0]?.AssociatePublicIpAddress],
      ["ami-0000000000000002b", "t4g.nano", false],
      "the newest image, and no address to pay for",
    );
    const machine = await run(id);
    assert.deepEqual(await cloud.findMachines(), [machine]);
    assert.equal(await cloud.hasPower(machine), true);
    await cloud.terminateMachines([machine]);
    assert.deepEqual(await cloud.findMachines(), []);
    assert.equal(await cloud.hasPower(machine), false);
    assert.equal(await cloud.hasPower("i-00000000000000000"), false);
    await cloud.deleteLaunchTemplate(id);
    assert.deepEqual(await cloud.findLaunchTemplates(), []);
  });

  it("has a channel for the events of a run's groups alone, and ends it", async () => {
    await cloud.channel.open("one");
    // Nobody may put events of AWS's own: the pattern and the queue are tried one by one.
    const { EventPattern = "" } = await events.send(
      new DescribeRuleCommand({ Name: `${groupPrefix}one` }),
    );
    const isMatch = compilePattern(JSON.parse(EventPattern) as EventPattern);
    const eventOf = (AutoScalingGroupName: string, source = "aws.autoscaling") => ({
      source,
      "detail-type": "any",
      detail: { AutoScalingGroupName },
    });
    assert.deepEqual(
      [
        eventOf(`${groupPrefix}one-1`),
        eventOf(`${groupPrefix}two-1`),
        eventOf(`${groupPrefix}one-2`, "elsewhere"),
      ].map(isMatch),
      [true, false, false],
    );
    const queues = await sqs.send(new ListQueuesCommand({ QueueNamePrefix: `${groupPrefix}one` }));
    for (let serial = 1; serial <= 12; serial += 1)
      await sqs.send(
        new SendMessageCommand({
          QueueUrl: queues.QueueUrls?.[0],
          MessageBody: JSON.stringify(eventOf(`${groupPrefix}one-${serial}`)),
        }),
      );
    const received = await cloud.channel.receive();
    assert.equal(new Set(received.map(({ detail }) => groupOf(detail))).size, 12);
    assert.deepEqual(await cloud.channel.receive(), []);
    const found = await cloud.channel.find();
    assert.equal(found.length, 2);
    for (const each of found) await cloud.channel.remove(each);
    assert.deepEqual(await cloud.channel.find(), []);
  });

  it("is clean after a clean-up, but for what is not tagged", async () => {
    const [subnet = ""] = await cloud.findSubnets();
    const id = await cloud.makeLaunchTemplate("drover-contract-two", "two");
    await run(id);
    await cloud.channel.open("two");
    const make = (AutoScalingGroupName: string, Tags?: { Key: string; Value: string }[]) =>
      autoScaling.send(
        new CreateAutoScalingGroupCommand({
          AutoScalingGroupName,
          LaunchTemplate: { LaunchTemplateId: id, Version: "1" },
          MinSize: 0,
          MaxSize: 0,
          VPCZoneIdentifier: subnet,
          Tags,
        }),
      );
    await make("drover-contract-two-1", [{ Key: runTag, Value: "two" }]);
    await make("somebody-elses");
    // It does not filter groups: what is not tagged is spared all the same.
    assert.deepEqual(await findGroups(autoScaling), ["drover-contract-two-1"]);
    const clock = createManualClock();
    const left = await cleanUp({
      autoScaling,
      cloud,
      clock: { now: () => clock.now(), sleep: (milliseconds) => clock.pass(milliseconds) },
      print: () => undefined,
    });
    assert.deepEqual(left, []);
    assert.deepEqual(await cloud.findMachines(), []);
    assert.deepEqual(await cloud.findLaunchTemplates(), []);
    assert.deepEqual(await cloud.channel.find(), []);
  });
});
