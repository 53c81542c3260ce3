import {
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import type { Surroundings } from "../runtime/surroundings.ts";
import type { Hook } from "../retire/retirement.ts";
import { awsClientOptions } from "./aws.ts";

/** Who handles an instance, why, and until when. */
export interface Ownership {
  readonly instanceId: string;
  /** ARN of the execution. */
  readonly execution: string;
  readonly pool: string;
  readonly group: string;
  readonly reason: string;
  readonly since: string;
  readonly phase: "retiring" | "retired" | "failed";
  /** The lifecycle action that holds the instance, once there is one. */
  readonly hook: Hook | null;
  /** What a failed retirement could not give back. */
  readonly left?: readonly string[];
  /** Earlier ones of the instance that ended without giving everything back, the newest last. */
  readonly after?: readonly Pick<Ownership, "execution" | "since">[];
}

/** A permission to drain, with an end: a dead holder blocks nobody for ever. */
export interface Lease {
  readonly key: string;
  readonly holder: string;
  /** Milliseconds since the Unix epoch. */
  readonly until: number;
}

export interface Records {
  read(instanceId: string): Promise<Ownership | undefined>;
  /**
   * Makes an execution the owner, unless another one is: the fence against
   * duplicates from any source.
   *
   * @param over - ARN of a dead owner that may be replaced
   * @returns the owner that was there before, or undefined when it worked
   */
  take(ownership: Ownership, over?: string): Promise<Ownership | undefined>;
  /** Adds a hook to what the owner knows. Returns the ownership as it is now. */
  attachHook(instanceId: string, execution: string, hook: Hook): Promise<boolean>;
  /** Ends the ownership; does nothing when another execution owns the instance. */
  end(
    instanceId: string,
    execution: string,
    phase: "retired" | "failed",
    left?: readonly string[],
  ): Promise<void>;

  readLeases(keys: readonly string[]): Promise<Lease[]>;
  /** Takes all the leases or none; those that are held already are renewed. */
  takeLeases(keys: readonly string[], holder: string, until: number): Promise<boolean>;
  releaseLease(key: string, holder: string): Promise<void>;
}

const instanceKey = (instanceId: string) => marshall({ pk: `instance#${instanceId}` });
const week = 7 * 24 * 3600;
/** DynamoDB reads so many items in one call, and may leave some of them for the next. */
const mostKeys = 100;

/**
 * Whether a transaction gave way to somebody else's item or transaction. It can
 * also be cancelled by throttling, which says nothing about who has the lease.
 */
const isTakenElsewhere = (error: unknown): boolean =>
  error instanceof TransactionCanceledException &&
  (error.CancellationReasons ?? []).every(({ Code }) =>
    ["None", "ConditionalCheckFailed", "TransactionConflict"].includes(Code ?? "None"),
  );

export const dynamoRecords = (surroundings: Surroundings, table: string): Records => {
  const client = new DynamoDBClient(awsClientOptions(surroundings));
  const { clock } = surroundings;

  const read = async (instanceId: string): Promise<Ownership | undefined> => {
    const { Item } = await client.send(
      new GetItemCommand({ TableName: table, Key: instanceKey(instanceId), ConsistentRead: true }),
    );
    return Item && (unmarshall(Item)["ownership"] as Ownership);
  };

  return {
    read,
    async take(ownership, over) {
      try {
        await client.send(
          new UpdateItemCommand({
            TableName: table,
            Key: instanceKey(ownership.instanceId),
            UpdateExpression: "SET ownership = :ownership REMOVE #ttl",
            ConditionExpression: [
              "attribute_not_exists(pk)",
              "ownership.phase <> :retiring",
              "ownership.execution = :me",
              ...(over ? ["ownership.execution = :over"] : []),
            ].join(" OR "),
            ExpressionAttributeNames: { "#ttl": "ttl" },
            ExpressionAttributeValues: marshall(
              {
                ":ownership": ownership,
                ":retiring": "retiring",
                ":me": ownership.execution,
                ...(over && { ":over": over }),
              },
              { removeUndefinedValues: true },
            ),
          }),
        );
        return undefined;
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        const owner = await read(ownership.instanceId);
        // Ended between the two calls: the caller tries again.
        if (!owner) throw error;
        return owner;
      }
    },
    async attachHook(instanceId, execution, hook) {
      try {
        await client.send(
          new UpdateItemCommand({
            TableName: table,
            Key: instanceKey(instanceId),
            UpdateExpression: "SET ownership.hook = :hook",
            ConditionExpression: "ownership.execution = :execution AND ownership.phase = :retiring",
            ExpressionAttributeValues: marshall(
              { ":hook": hook, ":execution": execution, ":retiring": "retiring" },
              { removeUndefinedValues: true },
            ),
          }),
        );
        return true;
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return false;
        throw error;
      }
    },
    async end(instanceId, execution, phase, left) {
      try {
        await client.send(
          new UpdateItemCommand({
            TableName: table,
            Key: instanceKey(instanceId),
            // Kept for a week: the word of our own record that this instance was retired.
            UpdateExpression: "SET ownership.phase = :phase, ownership.#left = :left, #ttl = :ttl",
            ConditionExpression: "ownership.execution = :execution",
            ExpressionAttributeNames: { "#ttl": "ttl", "#left": "left" },
            ExpressionAttributeValues: marshall({
              ":phase": phase,
              ":left": left ?? [],
              ":execution": execution,
              ":ttl": Math.floor(clock.now() / 1000) + week,
            }),
          }),
        );
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
      }
    },

    async readLeases(keys) {
      const leases: Lease[] = [];
      const left = keys.map((pk) => marshall({ pk }));
      while (left.length > 0) {
        const { Responses, UnprocessedKeys } = await client.send(
          new BatchGetItemCommand({
            RequestItems: {
              [table]: { Keys: left.splice(0, mostKeys), ConsistentRead: true },
            },
          }),
        );
        for (const item of Responses?.[table] ?? []) {
          const { pk, holder, until } = unmarshall(item);
          leases.push({ key: pk as string, holder: holder as string, until: until as number });
        }
        left.push(...(UnprocessedKeys?.[table]?.Keys ?? []));
      }
      return leases;
    },
    async takeLeases(keys, holder, until) {
      try {
        await client.send(
          new TransactWriteItemsCommand({
            TransactItems: keys.map((pk) => ({
              Put: {
                TableName: table,
                Item: marshall({ pk, holder, until, ttl: Math.ceil(until / 1000) + week }),
                ConditionExpression:
                  "attribute_not_exists(pk) OR #until < :now OR holder = :holder",
                ExpressionAttributeNames: { "#until": "until" },
                ExpressionAttributeValues: marshall({ ":now": clock.now(), ":holder": holder }),
              },
            })),
          }),
        );
        return true;
      } catch (error) {
        if (isTakenElsewhere(error)) return false;
        throw error;
      }
    },
    async releaseLease(key, holder) {
      try {
        await client.send(
          new DeleteItemCommand({
            TableName: table,
            Key: marshall({ pk: key }),
            ConditionExpression: "holder = :holder",
            ExpressionAttributeValues: marshall({ ":holder": holder }),
          }),
        );
      } catch (error) {
        // It ran out and somebody else has it, or it was given back before.
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
      }
    },
  };
};
