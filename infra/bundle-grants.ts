import { ArnFormat, Stack } from "aws-cdk-lib";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { IConstruct } from "constructs";
import { binaryKey, bundlesPrefix, channelKey, reportsPrefix } from "../lambdas/config/keys.ts";
import { bundlePlaceParameter } from "../lambdas/config/bundle-place.ts";
import { acknowledgeWildcard } from "./acknowledge.ts";
import type { MachineSecret } from "./bundle-store-props.ts";
import { publishMachineName } from "./names.ts";
import { parameterArn, secretArn } from "./task-policy.ts";

/** What policies about a store of bundles name. */
export interface StoreResources {
  /** In whose stack the names are written. */
  readonly scope: IConstruct;
  readonly cluster: string;
  readonly bucketArn: string;
  /** ARN of the key that signs. */
  readonly key: string;
  /** ARNs of all keys whose signatures machines believe. */
  readonly trustedKeys: readonly string[];
}

const every = "*";

const allow = (actions: readonly string[], resources: readonly string[]): PolicyStatement =>
  new PolicyStatement({ actions: [...actions], resources: [...resources] });

const objects = (
  { bucketArn }: Pick<StoreResources, "bucketArn">,
  ...keys: readonly string[]
): string[] => keys.map((key) => `${bucketArn}/${key}`);

/**
 * What a machine may do in the bucket: read what its own pool runs, and say how its boot went. It
 * may list nothing, so that S3 answers 403 to what is not there.
 */
export const machineStatements = (
  store: Pick<StoreResources, "bucketArn">,
  pool: string,
): PolicyStatement[] => [
  allow(
    ["s3:GetObject"],
    objects(store, channelKey(pool), `${bundlesPrefix(pool)}*`, binaryKey(every)),
  ),
  // IAM's own variable; for a role of EC2 the role's id, a colon, and the instance's id.
  allow(["s3:PutObject"], objects(store, `${reportsPrefix(pool)}\${aws:userid}`)),
];

const keysOf = (secrets: readonly MachineSecret[]): string[] => {
  const keys = secrets.flatMap((secret) => {
    const key = "encryptionKey" in secret ? secret.encryptionKey : undefined;
    return key ? [key.keyArn] : [];
  });
  return [...new Set(keys)];
};

/** That a machine may read the secrets that its bundles name, and use their keys for nothing else. */
export const secretStatements = (
  scope: IConstruct,
  secrets: readonly MachineSecret[],
): PolicyStatement[] => {
  const parameters = secrets.filter((secret) => "parameterArn" in secret);
  const entries = secrets.filter((secret) => "secretArn" in secret);
  const { region, urlSuffix } = Stack.of(scope);
  const decrypt = (service: string, keys: readonly string[]): PolicyStatement => {
    const statement = allow(["kms:Decrypt"], keys);
    statement.addCondition("StringEquals", {
      "kms:ViaService": `${service}.${region}.${urlSuffix}`,
    });
    return statement;
  };
  return [
    allow(["secretsmanager:GetSecretValue"], entries.map(secretArn)),
    decrypt("secretsmanager", keysOf(entries)),
    allow(
      ["ssm:GetParameter"],
      parameters.map((parameter) => parameter.parameterArn),
    ),
    decrypt("ssm", keysOf(parameters)),
  ].filter(({ resources }) => resources.length > 0);
};

/** Who reads: what there is, who published it, and which machines run it. */
export const viewerStatements = (store: StoreResources, pool = every): PolicyStatement[] => [
  allow(
    ["ssm:GetParameter"],
    [parameterArn(Stack.of(store.scope), bundlePlaceParameter(store.cluster))],
  ),
  allow(
    ["s3:GetObject"],
    objects(
      store,
      channelKey(pool),
      `${bundlesPrefix(pool)}*`,
      `${reportsPrefix(pool)}*`,
      binaryKey(every),
    ),
  ),
  // Of the whole bucket: a condition on the prefix would have S3 answer 403, not 404, to a
  // channel that is not there yet.
  allow(["s3:ListBucket"], [store.bucketArn]),
  allow(["kms:GetPublicKey"], store.trustedKeys),
];

const sign = ({ key }: Pick<StoreResources, "key">): PolicyStatement => {
  const statement = allow(["kms:Sign"], [key]);
  statement.addCondition("StringEquals", {
    "kms:SigningAlgorithm": "ECDSA_SHA_256",
    "kms:MessageType": "DIGEST",
  });
  return statement;
};

/** Who publishes: from a workplace or a pipeline, with the command line. */
export const publisherStatements = (store: StoreResources, pool = every): PolicyStatement[] => [
  ...viewerStatements(store, pool),
  // How it may write, the bucket's own policy says.
  allow(
    ["s3:PutObject"],
    objects(store, channelKey(pool), `${bundlesPrefix(pool)}*`, binaryKey(every)),
  ),
  sign(store),
];

/** A deployment that publishes: one pool's bundles, and no binaries. */
export const deploymentStatements = (
  store: Omit<StoreResources, "scope" | "cluster">,
  pool: string,
): PolicyStatement[] => {
  const own = [channelKey(pool), `${bundlesPrefix(pool)}*`];
  return [
    allow(["s3:GetObject"], objects(store, ...own, binaryKey(every))),
    // Without the list S3 answers 403, not 404, to what is not there.
    allow(["s3:ListBucket"], [store.bucketArn]),
    allow(["s3:PutObject"], objects(store, ...own)),
    allow(["kms:GetPublicKey"], store.trustedKeys),
    sign(store),
  ];
};

/** Who operates: moves channels by the state machine alone, to what others have published. */
export const operatorStatements = (store: StoreResources): PolicyStatement[] => {
  const arn = (resource: string, name: string): string =>
    Stack.of(store.scope).formatArn({
      service: "states",
      resource,
      resourceName: name,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
  const machine = publishMachineName(store.cluster);
  return [
    ...viewerStatements(store),
    allow(
      ["states:StartExecution", "states:DescribeStateMachine", "states:ListExecutions"],
      [arn("stateMachine", machine)],
    ),
    allow(
      ["states:DescribeExecution", "states:GetExecutionHistory"],
      [arn("execution", `${machine}:*`)],
    ),
  ];
};

/** Tells cdk-nag why there are wildcards in these statements. */
export const acknowledgeStatements = (
  on: IConstruct,
  statements: readonly PolicyStatement[],
): void => {
  for (const arn of new Set(statements.flatMap(({ resources }) => resources))) {
    acknowledgeWildcard(
      on,
      arn,
      "Bundles, binaries and reports come and go, each under its own name.",
    );
  }
};
