import { DynamoDBClient } from "@aws-sdk/client-dynamodb";

import { systemClock } from "../../lambdas/runtime/clock.ts";
import { createDynamoDb } from "../../rehearsal/emulators/dynamodb/dynamodb.ts";
import { serveInProcess } from "../../rehearsal/wire.ts";
import type { DynamoDbTarget } from "./dynamodb-target.ts";

export const openEmulatedTable = (): DynamoDbTarget => {
  const dynamodb = createDynamoDb({ now: () => Date.UTC(2026, 0, 1), lag: 0 });
  dynamodb.createTable({
    name: "records",
    key: { partition: "pk", sort: "sk" },
    indexes: { byOwner: { partition: "owner", sort: "sk" } },
  });
  let serial = 0;
  return {
    client: new DynamoDBClient({
      region: "eu-west-1",
      credentials: { accessKeyId: "key", secretAccessKey: "secret" },
      requestHandler: serveInProcess(dynamodb.service, { clock: systemClock }),
      maxAttempts: 1,
    }),
    table: "records",
    newPartition: () => `p${(serial += 1)}`,
  };
};
