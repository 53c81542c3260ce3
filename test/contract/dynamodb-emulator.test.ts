import { describe, it } from "node:test";

import { openEmulatedTable } from "./dynamodb-emulated.ts";
import { createTrial } from "./dynamodb-target.ts";
import { dynamoDbContract } from "./dynamodb.ts";

describe("DynamoDB, emulated", () => {
  const target = openEmulatedTable();
  for (const { title, run } of dynamoDbContract) it(title, () => run(createTrial(target)));
});
