import { parseForm } from "../../rehearsal/emulators/aws-query.ts";
import { readCall } from "../../rehearsal/emulators/s3/address.ts";
import { textOf, textsOf } from "../../rehearsal/emulators/s3/xml.ts";
import type { AccountView, AwsCall, GroupView } from "../../rehearsal/world/authorisation.ts";

/** What IAM is asked about a call: some operations need several permissions. */
export interface Required {
  readonly action: string;
  readonly resource: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Keys of the condition context that the service itself fills in. */
  readonly context?: Readonly<Record<string, string>>;
}

type Input = Readonly<Record<string, unknown>>;
type Place = Pick<AccountView, "region" | "account" | "group" | "groupOf">;

const on = (action: string, resource: string, tags: GroupView["tags"] = {}): Required => ({
  action,
  resource,
  tags,
});

/** Those that AWS allows on no single resource. */
const onEverything = /^(Describe|GetResources$)/;

const ofAutoScaling = (operation: string, input: Input, place: Place): Required[] => {
  const action = `autoscaling:${operation}`;
  if (onEverything.test(operation)) return [on(action, "*")];
  const { AutoScalingGroupName: name, InstanceId: instanceId } = input;
  const ofInstance = typeof instanceId === "string" ? place.groupOf(instanceId) : undefined;
  const group = typeof name === "string" ? place.group(name) : ofInstance;
  const unknown = `arn:aws:autoscaling:${place.region}:${place.account}:autoScalingGroup:00000000-0000-4000-8000-000000000000:autoScalingGroupName/none`;
  return [on(action, group?.arn ?? unknown, group?.tags)];
};

/**
 * A transaction is no action of its own, it needs those of its items.
 *
 * Source: DynamoDB Developer Guide, "Using IAM with DynamoDB transactions".
 */
const transacted: Readonly<Record<string, string>> = {
  Put: "PutItem",
  Update: "UpdateItem",
  Delete: "DeleteItem",
  ConditionCheck: "ConditionCheckItem",
  Get: "GetItem",
};

const ofDynamoDb = (operation: string, input: Input, { region, account }: Place): Required[] => {
  const table = (name: unknown) => {
    if (typeof name !== "string") throw new Error(`${operation} names no table`);
    return name.startsWith("arn:") ? name : `arn:aws:dynamodb:${region}:${account}:table/${name}`;
  };
  if (operation.startsWith("Transact")) {
    const items = (input["TransactItems"] ?? []) as Readonly<Record<string, Input>>[];
    return items.flatMap((item) =>
      Object.entries(item).map(([kind, inner]) => {
        const action = transacted[kind];
        if (action === undefined) throw new Error(`nobody knows what the item ${kind} needs`);
        return on(`dynamodb:${action}`, table(inner["TableName"]));
      }),
    );
  }
  if (operation.startsWith("Batch"))
    return Object.keys((input["RequestItems"] ?? {}) as Input).map((name) =>
      on(`dynamodb:${operation}`, table(name)),
    );
  const index = input["IndexName"];
  const suffix = typeof index === "string" ? `/index/${index}` : "";
  return [on(`dynamodb:${operation}`, `${table(input["TableName"])}${suffix}`)];
};

const ofSsm = (operation: string, input: Input, { region, account }: Place): Required[] => {
  const arn = (name: string) =>
    `arn:aws:ssm:${region}:${account}:parameter/${name.replace(/^\//, "").replace(/\/$/, "")}`;
  const names = (input["Names"] ?? [input["Name"] ?? input["Path"]]) as string[];
  return names.map((name) => on(`ssm:${operation}`, arn(name)));
};

const ofStates = (operation: string, input: Input): Required[] => {
  const arn = input["executionArn"] ?? input["stateMachineArn"];
  if (typeof arn !== "string") throw new Error(`${operation} names no resource`);
  return [on(`states:${operation}`, arn)];
};

/**
 * To read several at once is allowed on no single resource, and to read each is needed besides.
 *
 * Source: AWS Secrets Manager API Reference, BatchGetSecretValue (required permissions).
 */
const ofSecrets = (operation: string, input: Input, { region, account }: Place): Required[] => {
  const get = (id: string) => {
    const arn = id.startsWith("arn:")
      ? id
      : `arn:aws:secretsmanager:${region}:${account}:secret:${id}-000000`;
    return on("secretsmanager:GetSecretValue", arn);
  };
  if (operation === "GetSecretValue") return [get(String(input["SecretId"]))];
  if (operation !== "BatchGetSecretValue")
    throw new Error(`nobody knows which permissions ${operation} needs`);
  const ids = input["SecretIdList"] as readonly string[];
  return [on("secretsmanager:BatchGetSecretValue", "*"), ...ids.map(get)];
};

/** Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS KMS". */
const ofKms = (operation: string, input: Input, { region, account }: Place): Required[] => {
  const id = String(input["KeyId"]);
  if (id.includes("alias/")) throw new Error(`nobody knows here which key ${id} is`);
  const key = id.startsWith("arn:") ? id : `arn:aws:kms:${region}:${account}:key/${id}`;
  if (operation === "GetPublicKey") return [on("kms:GetPublicKey", key)];
  if (operation !== "Sign" && operation !== "Verify")
    throw new Error(`nobody knows which permissions ${operation} needs`);
  const { MessageType = "RAW", SigningAlgorithm = "" } = input as Readonly<Record<string, string>>;
  const context = {
    "kms:MessageType": MessageType,
    "kms:SigningAlgorithm": SigningAlgorithm,
  };
  return [{ ...on(`kms:${operation}`, key), context }];
};

/** The headers by which a write says its condition, as keys of the context. */
const conditionsOf = (headers: AwsCall["headers"]): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers)
      .map(([name, value]) => [name.toLowerCase(), value] as const)
      .filter(([name]) => name === "if-match" || name === "if-none-match")
      .map(([name, value]) => [`s3:${name}`, value]),
  );

export const bucketArn = (bucket: string): string => `arn:aws:s3:::${bucket}`;

/**
 * Source: Amazon S3 User Guide, "How to prevent object overwrites with
 * conditional writes": to compare the tag of an object takes `s3:GetObject` too.
 */
const ofWrite = (headers: AwsCall["headers"], object: string): Required[] => {
  const conditions = conditionsOf(headers);
  const context = { ...conditions, "s3:ObjectCreationOperation": "true" };
  const write = { ...on("s3:PutObject", object), context };
  return "s3:if-match" in conditions ? [write, on("s3:GetObject", object)] : [write];
};

interface Asked {
  readonly call: AwsCall;
  readonly query: URLSearchParams;
  readonly bucket: string;
  readonly object: string;
}

/** On a version that is named there are permissions of their own. */
const suffixOf = (isVersion: boolean): string => (isVersion ? "Version" : "");

const read = ({ query, object }: Asked): Required[] => [
  on(`s3:GetObject${suffixOf(query.has("versionId"))}`, object),
];

/**
 * Source: Service Authorization Reference, "Actions, resources, and condition
 * keys for Amazon S3"; User Guide, "Required permissions for Amazon S3 API operations".
 */
const s3Operations: Readonly<Record<string, (asked: Asked) => Required[]>> = {
  PutObject: ({ call, object }) => ofWrite(call.headers, object),
  GetObject: read,
  HeadObject: read,
  DeleteObject: ({ query, object }) => [
    on(`s3:DeleteObject${suffixOf(query.has("versionId"))}`, object),
  ],
  DeleteObjects: ({ call, bucket }) =>
    textsOf(call.body, "Object").map((each) =>
      on(
        `s3:DeleteObject${suffixOf(textOf(each, "VersionId") !== undefined)}`,
        `${bucket}/${textOf(each, "Key")}`,
      ),
    ),
  ListObjectsV2: ({ query, bucket }) => {
    const prefix = query.get("prefix");
    const context: Record<string, string> = prefix === null ? {} : { "s3:prefix": prefix };
    return [{ ...on("s3:ListBucket", bucket), context }];
  },
};

const ofS3 = (call: AwsCall): Required[] => {
  const url = new URL(call.url);
  const { operation = "", bucket, key } = readCall(call.method, url);
  const find = s3Operations[operation];
  if (find === undefined) throw new Error(`nobody knows which permissions ${call.operation} needs`);
  const arn = bucketArn(bucket);
  return find({ call, query: url.searchParams, bucket: arn, object: `${arn}/${key}` });
};

const services: Readonly<
  Record<string, (operation: string, input: Input, place: Place) => Required[]>
> = {
  autoscaling: ofAutoScaling,
  dynamodb: ofDynamoDb,
  kms: ofKms,
  ec2: (operation) => [on(`ec2:${operation}`, "*")],
  secretsmanager: ofSecrets,
  ssm: ofSsm,
  states: ofStates,
  tagging: (operation) => [on(`tag:${operation}`, "*")],
};

/**
 * The permissions that a call needs.
 *
 * @throws for a service that is not mapped: nothing is let through unseen
 */
export const requiredPermissions = (call: AwsCall, place: Place): Required[] => {
  if (call.service === "s3") return ofS3(call);
  const find = services[call.service];
  if (find === undefined)
    throw new Error(`nobody knows which permissions a call of ${call.service} needs`);
  const input =
    call.service === "autoscaling" || call.service === "ec2"
      ? parseForm(call.body)
      : (JSON.parse(call.body || "{}") as Input);
  return find(call.operation, input, place);
};
