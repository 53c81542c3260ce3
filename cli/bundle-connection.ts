import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { GetParameterCommand, ParameterNotFound, SSMClient } from "@aws-sdk/client-ssm";
import type { AwsClientOptions } from "../lambdas/clients/aws.ts";
import { bundleKeyClient, WrongKey } from "../lambdas/clients/bundle-key.ts";
import { type BundleDesk, openDesk, PublishingRefused } from "../lambdas/config/bundle-desk.ts";
import {
  type BundlePlace,
  bundlePlaceParameter,
  parseBundlePlace,
} from "../lambdas/config/bundle-place.ts";
import { type BundleFlags, checkCluster, checkPool } from "./commands/bundle-options.ts";
import { explainAwsError } from "./explain-aws-error.ts";
import { BadArguments, CannotFinish } from "./output.ts";
import type { Outside } from "./outside.ts";

/** The bundles of a cluster, with the credentials of whoever runs the command. */
export interface BundleConnection {
  readonly desk: BundleDesk;
  /** The ARN of the caller, as the history of a channel names it. */
  readonly who: () => Promise<string>;
  /** What a new machine has to know of the place. */
  readonly origin: () => Promise<Origin>;
}

export interface Origin {
  readonly bucket: string;
  readonly region: string;
  /** PEM, one after the other. */
  readonly publicKeys: string;
}

const readOrigin = async (
  options: AwsClientOptions,
  { bucket, trustedKeys }: BundlePlace,
): Promise<Origin> => {
  const keys = await Promise.all(
    trustedKeys.map((key) => bundleKeyClient(options, key).publicKey()),
  );
  return {
    bucket,
    region: await new SSMClient(options).config.region(),
    publicKeys: keys.join("").trim(),
  };
};

/**
 * Milliseconds for a connection, and without any byte on one: the SDK itself would wait for ever.
 */
const patience = { connectionTimeout: 10_000, socketTimeout: 60_000 };

const findPlace = async (options: AwsClientOptions, cluster: string): Promise<BundlePlace> => {
  const client = new SSMClient(options);
  const Name = bundlePlaceParameter(cluster);
  try {
    const { Parameter } = await client.send(new GetParameterCommand({ Name }));
    const place = parseBundlePlace(Parameter?.Value ?? "");
    if (place) return place;
    throw new CannotFinish(
      `the parameter ${Name} does not say where the bundles are: deploy the bundle store again`,
    );
  } catch (error) {
    if (!(error instanceof ParameterNotFound)) throw error;
    const where = await client.config.region();
    throw new BadArguments(
      `there is no parameter ${Name} in ${where}: deploy a bundle store for the cluster ${cluster} there, or give the --cluster and --region of yours`,
    );
  }
};

/**
 * Does some work with the bundles of a cluster.
 *
 * @param needed - the permissions that it takes, for whoever lacks one
 * @throws BadArguments or CannotFinish, for what a person can do something about
 */
export const withBundles = async <Result>(
  { pool, cluster, region }: BundleFlags,
  outside: Outside,
  needed: string,
  work: (connection: BundleConnection) => Promise<Result>,
): Promise<Result> => {
  checkPool(pool);
  checkCluster(cluster);
  const options: AwsClientOptions = {
    region,
    // A person waits: more patience than a function has, whose state machine repeats it.
    maxAttempts: 5,
    requestHandler: outside.awsHandler ?? patience,
  };
  try {
    const place = await findPlace(options, cluster);
    return await work({
      desk: openDesk(options, place, outside.clock),
      who: async () => {
        const { Arn } = await new STSClient(options).send(new GetCallerIdentityCommand({}));
        return Arn ?? "somebody";
      },
      origin: () => readOrigin(options, place),
    });
  } catch (error) {
    if (error instanceof PublishingRefused || error instanceof WrongKey)
      throw new CannotFinish(error.message);
    throw explainAwsError(error, needed);
  }
};
