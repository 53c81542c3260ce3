import * as v from "valibot";

import { AwsError, operation } from "../aws-json.ts";
import type { Operation } from "../aws-json.ts";
import type { FindTable } from "./dynamodb.ts";
import { invalid } from "./values.ts";
import type { Prepared } from "./writes.ts";
import { checkFields, deleteFields, prepare, putFields, updateFields } from "./writes.ts";

const schema = v.strictObject({
  TransactItems: v.array(
    v.union([
      v.strictObject({ Put: v.strictObject(putFields) }),
      v.strictObject({ Update: v.strictObject({ ...updateFields, UpdateExpression: v.string() }) }),
      v.strictObject({ Delete: v.strictObject(deleteFields) }),
      v.strictObject({ ConditionCheck: v.strictObject(checkFields) }),
    ]),
  ),
  ClientRequestToken: v.optional(v.string()),
});

type Write = v.InferOutput<typeof schema>["TransactItems"][number];

const prepareWrite = (write: Write, tableOf: FindTable): Prepared => {
  if ("Put" in write) return prepare("put", tableOf(write.Put.TableName), write.Put);
  if ("Update" in write) return prepare("update", tableOf(write.Update.TableName), write.Update);
  if ("Delete" in write) return prepare("delete", tableOf(write.Delete.TableName), write.Delete);
  return prepare("check", tableOf(write.ConditionCheck.TableName), write.ConditionCheck);
};

/** How long a client's token makes a repetition harmless, in milliseconds. */
const tokenLife = 600_000;

/**
 * TransactWriteItems: all or nothing, at most 100 items and each of them once;
 * a repetition with the same token within ten minutes does nothing more.
 *
 * Source: Amazon DynamoDB API Reference, TransactWriteItems.
 */
export const transactWrite = (tableOf: FindTable, now: () => number): Operation => {
  const tokens = new Map<string, { readonly request: string; readonly at: number }>();

  return operation(schema, ({ TransactItems, ClientRequestToken }) => {
    if (TransactItems.length === 0 || TransactItems.length > 100)
      throw invalid(
        "1 validation error detected: Value at 'transactItems' failed to satisfy constraint: Member must have length less than or equal to 100",
      );
    const request = JSON.stringify(TransactItems);
    const earlier = ClientRequestToken === undefined ? undefined : tokens.get(ClientRequestToken);
    if (earlier !== undefined && now() - earlier.at < tokenLife) {
      if (earlier.request === request) return {};
      throw new AwsError("IdempotentParameterMismatchException", "");
    }

    const prepared = TransactItems.map((write) => prepareWrite(write, tableOf));
    if (new Set(prepared.map(({ identity }) => identity)).size < prepared.length)
      throw invalid("Transaction request cannot include multiple operations on one item");
    if (prepared.some((each) => "failed" in each)) throw cancelled(prepared);
    for (const each of prepared) if ("commit" in each) each.commit();
    if (ClientRequestToken !== undefined) tokens.set(ClientRequestToken, { request, at: now() });
    return {};
  });
};

const cancelled = (prepared: readonly Prepared[]): AwsError => {
  const reasons = prepared.map((each) =>
    "failed" in each
      ? {
          Code: "ConditionalCheckFailed",
          Message: "The conditional request failed",
          ...(each.failed === "not asked for" ? {} : { Item: each.failed }),
        }
      : { Code: "None" },
  );
  return new AwsError(
    "TransactionCanceledException",
    `Transaction cancelled, please refer cancellation reasons for specific reasons [${reasons.map(({ Code }) => Code).join(", ")}]`,
    { fields: { CancellationReasons: reasons } },
  );
};
