import { lstatSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CustomResource, Duration, RemovalPolicy, Size } from "aws-cdk-lib";
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Architecture, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { Asset } from "aws-cdk-lib/aws-s3-assets";
import { DISABLE_ASSET_STAGING_CONTEXT } from "aws-cdk-lib/cx-api";
import { Construct } from "constructs";
import { publishedTo, publishes } from "./boot-order.ts";
import { packSynchronously } from "./bundle/pack-synchronously.ts";
import { acknowledgeStatements, deploymentStatements } from "./bundle-grants.ts";
import type { BundleStore } from "./bundle-store.ts";
import { checkPoolName } from "./check-pool.ts";
import { type FunctionCode, functionCode } from "./function-code.ts";
import { Problems } from "./problems.ts";

export interface ConfigBundleProps {
  /** Where it is published. */
  readonly store: BundleStore;
  /** The pool whose machines are to run it: at most 63 letters, digits, hyphens and underscores. */
  readonly pool: string;
  /** The folder with `bundle.yaml` and `files/`; `docs/bundles.md` says how to write one. */
  readonly source: string;
  /**
   * Whether each deployment that changes the bundle makes it the current one at once, which every
   * machine takes that starts from then on. Otherwise it is the candidate, which machines take that
   * carry the tag `drover:bundle` with its digest, until somebody promotes it.
   *
   * @default false
   */
  readonly promote?: boolean;
  /** Of the function that publishes. @default RetentionDays.THREE_MONTHS */
  readonly logRetention?: RetentionDays;
  /**
   * Where the code of the functions is.
   *
   * @default - bundled when the app is synthesized
   */
  readonly code?: FunctionCode;
}

/**
 * A bundle that is published when the app is deployed, with the checks and the result of
 * `drover publish`. A source with faults is not synthesized.
 *
 * ```ts
 * new ConfigBundle(stack, "WorkersBundle", { store, pool: "workers", source: "./pool" });
 * ```
 *
 * The template names the bundle by its digest, so that only a change of the source publishes. What
 * a person has moved meanwhile stays until then. A stack that is rolled back publishes what it had
 * before; one that is deleted leaves bundles and channel as they are.
 */
export class ConfigBundle extends Construct {
  readonly pool: string;
  /** The digest by which channels, reports and tags name it. */
  readonly sha256: string;

  /** @throws Error that tells all that is wrong with the properties, or with the source */
  constructor(scope: Construct, id: string, props: ConfigBundleProps) {
    super(scope, id);
    this.check(props);
    const { store, pool, promote = false } = props;
    const { archive, sha256, revision } = this.pack(props);
    this.pool = pool;
    this.sha256 = sha256;
    const publisher = this.publisher(archive, props);
    const published = new CustomResource(this, "Published", {
      serviceToken: publisher.functionArn,
      resourceType: "Custom::DroverConfigBundle",
      // Lambda begins three times at most; CloudFormation would wait for an hour.
      serviceTimeout: Duration.minutes(35),
      properties: {
        Bucket: store.bucket.bucketName,
        Key: store.signingKey.keyArn,
        TrustedKeys: store.trustedKeys,
        Pool: pool,
        Sha256: sha256,
        ArchiveBucket: archive.s3BucketName,
        ArchiveKey: archive.s3ObjectKey,
        Promote: String(promote),
        Revision: revision,
      },
    });
    // With its policy, by which nothing is overwritten.
    published.node.addDependency(store.bucket);
    publishes(this, store, pool, promote);
  }

  private check({ store, pool, source }: ConfigBundleProps): void {
    const problems = new Problems();
    checkPoolName(pool, problems);
    const other = publishedTo(store, pool);
    if (other) {
      problems.add(
        "pool",
        pool,
        `${other.node.path} is published to this pool of ${store.node.path} already: leave one of the two out`,
      );
    }
    if (!lstatSync(source, { throwIfNoEntry: false })?.isDirectory())
      problems.add("source", source, "give the folder in which bundle.yaml and files/ are");
    problems.throwIfAny(`ConfigBundle ${this.node.path}`);
  }

  /** @throws Error with all faults of the source */
  private pack({ source, pool }: ConfigBundleProps) {
    const folder = mkdtempSync(join(tmpdir(), "drover-bundle-"));
    try {
      const file = join(folder, "bundle.tar.gz");
      const packed = packSynchronously(source, pool, file);
      if ("refused" in packed) throw new Error(`ConfigBundle ${this.node.path}: ${packed.refused}`);
      // By the digest of the tar: how it is compressed depends on the version of Node.js.
      const archive = new Asset(this, "Archive", { path: file, assetHash: packed.sha256 });
      return { archive, ...packed };
    } finally {
      const isStaged = !this.node.tryGetContext(DISABLE_ASSET_STAGING_CONTEXT);
      if (isStaged) rmSync(folder, { recursive: true, force: true });
    }
  }

  private publisher(archive: Asset, props: ConfigBundleProps): LambdaFunction {
    const { store, pool, code = functionCode } = props;
    const description = `Drover ${store.cluster}: publishes the bundle of ${pool}`;
    const logGroup = new LogGroup(this, "Log", {
      retention: props.logRetention ?? RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const allow = (actions: string[], resources: string[]) =>
      new PolicyStatement({ actions, resources });
    const statements = [
      allow(["logs:CreateLogStream", "logs:PutLogEvents"], [logGroup.logGroupArn]),
      allow(["s3:GetObject"], [archive.bucket.arnForObjects(archive.s3ObjectKey)]),
      ...deploymentStatements(
        {
          bucketArn: store.bucket.bucketArn,
          key: store.signingKey.keyArn,
          trustedKeys: store.trustedKeys,
        },
        pool,
      ),
    ];
    const role = new Role(this, "Role", {
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
      description,
      inlinePolicies: { Publish: new PolicyDocument({ statements }) },
    });
    acknowledgeStatements(role, statements);
    return new LambdaFunction(this, "Function", {
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: "index.handler",
      code: code("deploy/publish-bundle"),
      description,
      environment: { DROVER_CLUSTER: store.cluster, NODE_OPTIONS: "--enable-source-maps" },
      // For the largest bundle: it is fetched, looked through, and stored.
      timeout: Duration.minutes(10),
      memorySize: 1024,
      // 512 MiB that cannot be compressed, and what compression adds.
      ephemeralStorageSize: Size.mebibytes(1024),
      role,
      logGroup,
    });
  }
}
