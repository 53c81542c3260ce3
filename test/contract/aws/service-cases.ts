import type { AutoScalingCase } from "../auto-scaling-target.ts";
import { createTrial } from "../dynamodb-target.ts";
import { dynamoDbContract } from "../dynamodb.ts";
import { ec2Contract } from "../ec2.ts";
import { kmsContract } from "../kms.ts";
import { s3Contract } from "../s3.ts";
import { secretsManagerContract } from "../secrets-manager.ts";
import { ssmContract } from "../ssm.ts";
import { stepFunctionsContract } from "../step-functions.ts";
import { openBuckets } from "./buckets.ts";
import {
  type ClientSettings,
  openEc2,
  openParameters,
  openSecrets,
  openTable,
} from "./services.ts";

/** One thing for all: made when the first one asks. */
const once = <Result>(make: () => Promise<Result>): (() => Promise<Result>) => {
  let made: Promise<Result> | undefined;
  return () => (made ??= make());
};

interface Believed {
  readonly title: string;
  readonly source?: string;
}

const quick = (
  service: string,
  { title, source = `${service}'s API Reference` }: Believed,
  run: () => Promise<void>,
): AutoScalingCase => ({
  title: `${service}: ${title}`,
  source,
  minutes: 0.1,
  machines: 0,
  run,
});

/** The contracts of the other services, each in a place of its own in an account. */
export const serviceCases = (settings: ClientSettings, run: string): readonly AutoScalingCase[] => {
  const table = once(() => openTable(settings, run));
  const secrets = once(() => openSecrets(settings, run));
  const parameters = once(() => openParameters(settings, run));
  const buckets = once(() => openBuckets(settings, run));
  const ec2 = once(async () => openEc2(settings));
  return [
    ...dynamoDbContract.map((each) =>
      quick("DynamoDB", each, async () => each.run(createTrial(await table()))),
    ),
    ...secretsManagerContract.map((each) =>
      quick("Secrets Manager", each, async () => each.run(await secrets())),
    ),
    ...ssmContract.map((each) =>
      quick("Parameter Store", each, async () => each.run(await parameters())),
    ),
    ...s3Contract.map((each) => quick("S3", each, async () => each.run(await buckets()))),
    ...kmsContract.map((each) => ({
      ...quick("KMS", each, async () => undefined),
      emulatedOnly: "a key is there for another week, and paid for, once it was made",
    })),
    ...ec2Contract.map((each) => ({
      ...quick("EC2", each, async () => each.run(await ec2())),
      ...(each.needsMachine && { emulatedOnly: "it takes a machine outside of any group" }),
    })),
    ...stepFunctionsContract.map((each) => ({
      ...quick("Step Functions", each, async () => undefined),
      emulatedOnly: "a state machine needs a role",
    })),
  ];
};
