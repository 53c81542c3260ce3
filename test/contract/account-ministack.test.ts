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
import type { Clock } from "../../lambdas/runtime/clock.ts";
import { createManualClock } from "../rehearsal/emulators/manual-clock.ts";
import { groupOf } from "./auto-scaling-target.ts";
import { openBuckets } from "./aws/buckets.ts";
import { cleanUp, findGroups } from "./aws/clean-up.ts";
import { accountCloud, type Cloud } from "./aws/cloud.ts";
import { accountChannel } from "./aws/event-channel.ts";
import { groupPrefix, runTag } from "./aws/marks.ts";
import {
  type ClientSettings,
  openParameters,
  openSecrets,
  openTable,
  serviceHolders,
} from "./aws/services.ts";
import { exit, runContract } from "./aws/run-contract.ts";
import { serviceCases } from "./aws/service-cases.ts";
import { dynamoDbContract } from "./dynamodb.ts";
import { ec2Contract } from "./ec2.ts";
import { openSpot } from "./s3-target.ts";
import { s3Contract } from "./s3.ts";
import { secretsManagerContract } from "./secrets-manager.ts";
import { ssmContract } from "./ssm.ts";
import { anywhere, type Ministack, startMinistack } from "./ministack/server.ts";

/** A clock whose time passes as soon as somebody waits. */
const hurry = (): Clock => {
  const clock = createManualClock();
  return { now: () => clock.now(), sleep: (milliseconds) => clock.pass(milliseconds) };
};

/** What a run against an account asks of EC2 and STS, asked of an EC2 that is not ours. */
describe("an account, ministack's", () => {
  let ministack: Ministack;
  let settings: ClientSettings;
  let ec2: EC2Client;
  let autoScaling: AutoScalingClient;
  let events: EventBridgeClient;
  let sqs: SQSClient;
  let cloud: Cloud;
  before(async () => {
    ministack = await startMinistack();
    settings = { ...anywhere, endpoint: ministack.endpoint };
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
    cloud = accountCloud(
      ec2,
      new STSClient(settings),
      accountChannel(events, sqs),
      serviceHolders(settings),
    );
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
    await openTable(settings, "two");
    const secrets = await openSecrets(settings, "two");
    await secrets.create(secrets.newName(), "value");
    const parameters = await openParameters(settings, "two");
    await parameters.put(`${parameters.newPath()}/deep/er`, "value");
    const buckets = openSpot(await openBuckets(settings, "two"));
    for (const content of ["1", "2"]) await buckets.put("key", content);
    await buckets.remove("key");
    assert.deepEqual(
      await Promise.all(
        cloud.holders.map(async (holder) => [holder.what, (await holder.find()).length]),
      ),
      [
        ["tables", 1],
        ["secrets", 1],
        ["parameters", 1],
        ["buckets", 2],
      ],
    );
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
    const left = await cleanUp({ autoScaling, cloud, clock: hurry(), print: () => undefined });
    assert.deepEqual(left, []);
    assert.deepEqual(await cloud.findMachines(), []);
    assert.deepEqual(await cloud.findLaunchTemplates(), []);
    for (const holder of [cloud.channel, ...cloud.holders])
      assert.deepEqual(await holder.find(), [], holder.what);
  });

  it("is told which cases it gets wrong, and is clean afterwards", async () => {
    const printed: string[] = [];
    const contract = serviceCases(settings, "three");
    const code = await runContract({
      contract,
      env: { CONFIRM: "yes" },
      region: "eu-west-1",
      autoScaling,
      cloud,
      clock: hurry(),
      print: (line) => void printed.push(line),
      run: "three",
    });
    const known = [
      ...dynamoDbContract,
      ...secretsManagerContract,
      ...ssmContract,
      ...ec2Contract,
      ...s3Contract,
    ].filter(({ ministack: wrong }) => wrong !== undefined);
    const differing = printed.filter((line) => line.startsWith("DIFFERS"));
    assert.equal(code, exit.differs);
    assert.equal(differing.length, known.length, differing.join("\n"));
    for (const { title } of known)
      assert.ok(
        differing.some((line) => line.includes(`: ${title}\n`)),
        title,
      );
    assert.match(printed.at(-1) ?? "", /everything was deleted/);
  });
});
