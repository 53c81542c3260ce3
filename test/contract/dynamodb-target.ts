import {
  type AttributeValue,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from "@aws-sdk/client-dynamodb";

export type Item = Record<string, AttributeValue>;

/**
 * What the contract runs against: a table with the keys `pk` and `sk` and an
 * index `byOwner` on `owner` and `sk`, all of them strings.
 */
export interface DynamoDbTarget {
  readonly client: DynamoDBClient;
  readonly table: string;
  /** A partition key that nobody has used. */
  newPartition(): string;
}

/** Something that is believed of DynamoDB. */
export interface DynamoDbCase {
  readonly title: string;
  /** Where AWS says so; needed where a public emulator says otherwise. */
  readonly source?: string;
  /** What ministack does instead. */
  readonly ministack?: string;
  readonly run: (trial: Trial) => Promise<void>;
}

/** One partition of the table, for one case. */
export interface Trial extends DynamoDbTarget {
  readonly partition: string;
  readonly key: (sk?: string) => Item;
  readonly put: (attributes: Item, sk?: string) => Promise<void>;
  readonly read: (sk?: string) => Promise<Item | undefined>;
  /** The attributes beside the key. */
  readonly readRest: (sk?: string) => Promise<Item | undefined>;
  readonly update: (
    input: Omit<UpdateItemCommandInput, "TableName" | "Key">,
    sk?: string,
  ) => Promise<Item | undefined>;
}

export const createTrial = (target: DynamoDbTarget): Trial => {
  const { client, table: TableName } = target;
  const partition = target.newPartition();
  const key = (sk = "a"): Item => ({ pk: { S: partition }, sk: { S: sk } });
  const read = async (sk?: string) => {
    const { Item } = await client.send(
      new GetItemCommand({ TableName, Key: key(sk), ConsistentRead: true }),
    );
    return Item;
  };
  return {
    ...target,
    partition,
    key,
    read,
    async put(attributes, sk) {
      await client.send(new PutItemCommand({ TableName, Item: { ...key(sk), ...attributes } }));
    },
    async readRest(sk) {
      const item = await read(sk);
      if (item === undefined) return undefined;
      const { pk: _pk, sk: _sk, ...rest } = item;
      return rest;
    },
    async update(input, sk) {
      const answer = await client.send(
        new UpdateItemCommand({ TableName, Key: key(sk), ...input }),
      );
      return answer.Attributes;
    },
  };
};

/** What DynamoDB refuses a request with that it does not understand. */
export const invalid = { name: "ValidationException" };
