import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { CreateTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";

import { createPerson } from "../../rehearsal/scenarios/person.ts";
import { rehearseScaleIn } from "../../rehearsal/scenarios/scale-in.ts";
import { fixedStage } from "../../rehearsal/scenarios/stages.ts";
import type { World } from "../../rehearsal/world.ts";
import { anybody, type Ministack, startMinistack } from "./ministack/server.ts";
import { recordCalls, type RecordedCall } from "./recorded-calls.ts";

/** Asks ministack what was asked in the rehearsal, as the same bytes. */
const ask = async (endpoint: string, { target, body }: RecordedCall) => {
  const service = target.startsWith("DynamoDB") ? "dynamodb" : "ssm";
  const response = await fetch(endpoint, {
    method: "POST",
    headers: {
      "content-type": `application/x-amz-json-1.${service === "dynamodb" ? 0 : 1}`,
      "x-amz-target": target,
      authorization: `AWS4-HMAC-SHA256 Credential=tester/20260101/eu-west-1/${service}/aws4_request, SignedHeaders=host, Signature=none`,
    },
    body,
  });
  return { status: response.status, answer: (await response.json()) as Record<string, unknown> };
};

interface Reason {
  readonly Code?: string;
  readonly Item?: unknown;
}

/** As text, whatever the order of its fields. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );

/** What an answer says to Drover: not how it is worded, nor when a parameter was written. */
const gist = ({ status, answer }: Pick<RecordedCall, "status" | "answer">) => {
  const type = answer["__type"];
  const reasons = answer["CancellationReasons"] as readonly Reason[] | undefined;
  const parameters = answer["Parameters"] as readonly Record<string, unknown>[] | undefined;
  return {
    status,
    error: typeof type === "string" ? type.slice(type.lastIndexOf("#") + 1) : undefined,
    item: answer["Item"],
    // Of a scan in no order that means anything.
    items: (answer["Items"] as readonly unknown[] | undefined)
      ?.map((item) => canonical(item))
      .toSorted(),
    last: answer["LastEvaluatedKey"],
    attributes: answer["Attributes"],
    responses: answer["Responses"],
    unprocessed: answer["UnprocessedKeys"],
    reasons: reasons?.map(({ Code, Item }) => [Code, Item]),
    parameters: parameters
      ?.map(({ Name, Value, Version }) => [Name, Value, Version])
      .toSorted((a, b) => String(a[0]).localeCompare(String(b[0]))),
    missing: answer["InvalidParameters"],
  };
};

/** Makes in ministack what the template has made in the embedded world. */
const deploy = async ({ stack }: World, endpoint: string): Promise<void> => {
  const settings = { endpoint, region: "eu-west-1", credentials: anybody, maxAttempts: 1 };
  const dynamoDb = new DynamoDBClient(settings);
  for (const { name, key } of stack.tables) {
    const keys = Object.values(key);
    await dynamoDb.send(
      new CreateTableCommand({
        TableName: name,
        BillingMode: "PAY_PER_REQUEST",
        AttributeDefinitions: keys.map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
        KeySchema: keys.map((AttributeName, index) => ({
          AttributeName,
          KeyType: index === 0 ? "HASH" : "RANGE",
        })),
      }),
    );
  }
  const ssm = new SSMClient(settings);
  for (const { name, value } of stack.parameters)
    await ssm.send(new PutParameterCommand({ Name: name, Value: value, Type: "String" }));
  dynamoDb.destroy();
  ssm.destroy();
};

/** Whatever leaves is also retired by hand, so that owners compete. */
const letPersonInterfere = (world: World): void => {
  const person = createPerson(world);
  world.bus.setFaults({ duplicates: 0.5 });
  world.bus.addRule({
    name: "person",
    pattern: {
      source: ["aws.autoscaling"],
      "detail-type": ["EC2 Instance-terminate Lifecycle Action"],
    },
    targets: [
      {
        id: "person",
        deliver: ({ detail }) =>
          person.retire((detail as { readonly EC2InstanceId: string }).EC2InstanceId),
        deadLetter: () => undefined,
      },
    ],
  });
};

describe("a rehearsal's calls, to ministack", () => {
  let ministack: Ministack;
  before(async () => {
    ministack = await startMinistack();
  });
  after(() => ministack.close());

  it("are answered as they were in the embedded world", async () => {
    const { calls, handlers } = recordCalls();
    let world: World | undefined;
    await rehearseScaleIn(fixedStage, {
      nodes: 12,
      terminate: 8,
      jobs: 20,
      seed: 5,
      slots: 2,
      handlers,
      setUp: letPersonInterfere,
      onReady: (ready) => {
        world = ready;
      },
    });
    assert.ok(world);
    await deploy(world, ministack.endpoint);

    const replayed = calls.filter(({ target }) => /^(DynamoDB|AmazonSSM)/.test(target));
    for (const call of replayed)
      assert.deepEqual(gist(await ask(ministack.endpoint, call)), gist(call), JSON.stringify(call));

    for (const operation of ["UpdateItem", "TransactWriteItems"])
      assert.ok(
        replayed.some(({ target }) => target.endsWith(`.${operation}`)),
        `${operation} was asked`,
      );
    const failures = replayed.filter(({ status }) => status === 400);
    assert.ok(failures.length > 0, "some conditions did not hold");
  });
});
