import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import { bundlesPrefix, channelKey, reportsPrefix } from "../lambdas/config/keys.ts";
import type { PublishTask } from "../stepfunctions/tasks.ts";
import type { Allowed } from "./task-policy.ts";

/** What the functions of `publish-bundle` work with. */
export interface PublishResources {
  readonly bucketArn: string;
  /** ARN of the key that signs. */
  readonly key: string;
  /** ARNs of all keys whose signatures machines believe. */
  readonly trustedKeys: readonly string[];
}

const every = "*";
const whyObjects = "Pools, bundles and reports come and go, each under its own name.";
const whyInstances = "AWS allows it, which only reads, on no single resource.";

const channels = channelKey(every);
const bundles = `${bundlesPrefix(every)}*`;
const reports = `${reportsPrefix(every)}*`;

/** All that the function of each task may do, besides writing its own log. */
export const publishPolicy = (
  task: PublishTask,
  { bucketArn, key, trustedKeys }: PublishResources,
): readonly Allowed[] => {
  const on = (action: string, ...keys: string[]): Allowed => ({
    statement: new PolicyStatement({
      actions: [action],
      resources: keys.map((each) => `${bucketArn}/${each}`),
    }),
    whyWildcard: whyObjects,
  });
  const allow = (action: string, resources: readonly string[]): Allowed => ({
    statement: new PolicyStatement({ actions: [action], resources: [...resources] }),
  });
  // Without the list S3 answers 403, not 404, to what is not there.
  const list = allow("s3:ListBucket", [bucketArn]);
  const verify = allow("kms:GetPublicKey", trustedKeys);
  const sign = allow("kms:Sign", [key]);
  sign.statement.addCondition("StringEquals", {
    "kms:SigningAlgorithm": "ECDSA_SHA_256",
    "kms:MessageType": "DIGEST",
  });
  const policies: Readonly<Record<PublishTask, readonly Allowed[]>> = {
    "config/read-order": [],
    "config/show-bundles": [on("s3:GetObject", channels, reports), list, verify],
    "config/check-bundle": [on("s3:GetObject", channels, bundles), list, verify],
    "config/move-channel": [
      on("s3:GetObject", channels, bundles),
      on("s3:PutObject", channels),
      list,
      verify,
      sign,
    ],
    "config/prune-bundles": [
      on("s3:GetObject", channels, reports),
      on("s3:DeleteObject", bundles, reports),
      list,
      verify,
      {
        statement: new PolicyStatement({ actions: ["ec2:DescribeInstances"], resources: [every] }),
        whyWildcard: whyInstances,
      },
    ],
  };
  return policies[task];
};
