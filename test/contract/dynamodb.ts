import { expressionCases } from "./dynamodb-expressions.ts";
import { itemsCases } from "./dynamodb-items.ts";
import type { DynamoDbCase } from "./dynamodb-target.ts";
import { transactionCases } from "./dynamodb-transactions.ts";

/** What Drover believes of DynamoDB. */
export const dynamoDbContract: readonly DynamoDbCase[] = [
  ...expressionCases,
  ...itemsCases,
  ...transactionCases,
];
