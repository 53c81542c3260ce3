import {
  DeleteRuleCommand,
  type EventBridgeClient,
  ListRulesCommand,
  ListTagsForResourceCommand,
  ListTargetsByRuleCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from "@aws-sdk/client-eventbridge";
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  ListQueuesCommand,
  ListQueueTagsCommand,
  QueueDoesNotExist,
  ReceiveMessageCommand,
  SetQueueAttributesCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";

import type { BusEvent } from "../../../rehearsal/emulators/event-bridge/bus.ts";
import type { Holder } from "./cloud.ts";
import { groupPrefix, isOurs, runTag } from "./marks.ts";

/** How the events of Auto Scaling come to a run: by a rule and a queue. */
export interface EventChannel extends Holder {
  open(run: string): Promise<void>;
  /** What has come since the last time. */
  receive(): Promise<readonly BusEvent[]>;
}

const isQueue = (nameOrAddress: string): boolean => nameOrAddress.includes("/");

/** Lets the rule write to the queue, and nothing else. */
const policyFor = (queueArn: string, ruleArn: string): string =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { Service: "events.amazonaws.com" },
        Action: "sqs:SendMessage",
        Resource: queueArn,
        Condition: { ArnEquals: { "aws:SourceArn": ruleArn } },
      },
    ],
  });

const findRules = async (events: EventBridgeClient): Promise<readonly string[]> => {
  const found: string[] = [];
  let NextToken: string | undefined;
  do {
    const page = await events.send(new ListRulesCommand({ NamePrefix: groupPrefix, NextToken }));
    for (const { Name = "", Arn } of page.Rules ?? [])
      if (isOurs(await events.send(new ListTagsForResourceCommand({ ResourceARN: Arn }))))
        found.push(Name);
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  return found;
};

/** A queue is still listed for a minute after it was deleted. */
const unlessGone = (error: unknown): undefined => {
  if (!(error instanceof QueueDoesNotExist)) throw error;
  return undefined;
};

const findQueues = async (sqs: SQSClient): Promise<readonly string[]> => {
  const { QueueUrls = [] } = await sqs.send(
    new ListQueuesCommand({ QueueNamePrefix: groupPrefix, MaxResults: 1000 }),
  );
  const found: string[] = [];
  for (const QueueUrl of QueueUrls) {
    const answer = await sqs.send(new ListQueueTagsCommand({ QueueUrl })).catch(unlessGone);
    if (answer?.Tags?.[runTag] !== undefined) found.push(QueueUrl);
  }
  return found;
};

export const accountChannel = (events: EventBridgeClient, sqs: SQSClient): EventChannel => {
  let address: string | undefined;
  return {
    async open(run) {
      const name = `${groupPrefix}${run}`;
      const { RuleArn = "" } = await events.send(
        new PutRuleCommand({
          Name: name,
          EventPattern: JSON.stringify({
            source: ["aws.autoscaling"],
            detail: { AutoScalingGroupName: [{ prefix: `${name}-` }] },
          }),
          Tags: [{ Key: runTag, Value: run }],
        }),
      );
      const { QueueUrl } = await sqs.send(
        new CreateQueueCommand({ QueueName: name, tags: { [runTag]: run } }),
      );
      const { Attributes } = await sqs.send(
        new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }),
      );
      const queueArn = Attributes?.QueueArn ?? "";
      await sqs.send(
        new SetQueueAttributesCommand({
          QueueUrl,
          Attributes: { Policy: policyFor(queueArn, RuleArn) },
        }),
      );
      const { FailedEntryCount, FailedEntries } = await events.send(
        new PutTargetsCommand({ Rule: name, Targets: [{ Id: "queue", Arn: queueArn }] }),
      );
      if ((FailedEntryCount ?? 0) > 0)
        throw new Error(`the rule ${name} got no target: ${FailedEntries?.[0]?.ErrorMessage}`);
      address = QueueUrl;
    },

    async receive() {
      const received: BusEvent[] = [];
      if (address === undefined) return received;
      for (;;) {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({ QueueUrl: address, MaxNumberOfMessages: 10 }),
        );
        if (Messages.length === 0) return received;
        received.push(...Messages.map(({ Body = "{}" }) => JSON.parse(Body) as BusEvent));
        await sqs.send(
          new DeleteMessageBatchCommand({
            QueueUrl: address,
            Entries: Messages.map(({ ReceiptHandle }, index) => ({
              Id: `${index}`,
              ReceiptHandle,
            })),
          }),
        );
      }
    },

    what: "rules and queues",
    find: async () => [...(await findRules(events)), ...(await findQueues(sqs))],

    async remove(nameOrAddress) {
      if (isQueue(nameOrAddress)) {
        await sqs.send(new DeleteQueueCommand({ QueueUrl: nameOrAddress })).catch(unlessGone);
        return;
      }
      const Rule = nameOrAddress;
      const { Targets = [] } = await events.send(new ListTargetsByRuleCommand({ Rule }));
      if (Targets.length > 0)
        await events.send(
          new RemoveTargetsCommand({ Rule, Ids: Targets.map(({ Id = "" }) => Id) }),
        );
      await events.send(new DeleteRuleCommand({ Name: Rule }));
    },
  };
};
