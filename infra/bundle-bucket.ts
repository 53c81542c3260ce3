import { Duration, type RemovalPolicy } from "aws-cdk-lib";
import { AnyPrincipal, Effect, PolicyStatement } from "aws-cdk-lib/aws-iam";
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type IBucket,
  ObjectOwnership,
} from "aws-cdk-lib/aws-s3";
import type { Construct } from "constructs";
import {
  archiveKey,
  binaryKey,
  channelKey,
  manifestKey,
  signatureKey,
} from "../lambdas/config/keys.ts";
import { acknowledge } from "./acknowledge.ts";

export interface BundleBucketProps {
  /** How long what was replaced or removed can be brought back. */
  readonly recoverableFor: Duration;
  readonly removalPolicy: RemovalPolicy;
  readonly accessLogsBucket?: IBucket | undefined;
}

/** Holds bundles; `docs/bundle-format.md` says under which keys. */
export class BundleBucket extends Bucket {
  constructor(scope: Construct, id: string, props: BundleBucketProps) {
    const { accessLogsBucket } = props;
    super(scope, id, {
      versioned: true,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      // With a key of KMS each machine would need the right to decrypt with it.
      encryption: BucketEncryption.S3_MANAGED,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      removalPolicy: props.removalPolicy,
      lifecycleRules: [
        {
          id: "forget-old-versions",
          noncurrentVersionExpiration: props.recoverableFor,
          expiredObjectDeleteMarker: true,
          abortIncompleteMultipartUploadAfter: Duration.days(7),
        },
      ],
      ...(accessLogsBucket && { serverAccessLogsBucket: accessLogsBucket }),
    });
    if (!accessLogsBucket) {
      acknowledge(
        this,
        "AwsSolutions-S1",
        "Who published what is in the signed history of each channel; accessLogsBucket logs every request.",
      );
    }
    this.refuseBlindWrites();
  }

  /**
   * Nobody replaces what has a digest in its name, and a channel or a signature
   * only whoever says which version they have read.
   *
   * Source: Amazon S3 User Guide, "Enforce conditional writes on Amazon S3 buckets".
   */
  private refuseBlindWrites(): void {
    const all = ["*", "*"] as const;
    this.denyWithout(
      "WrittenOnce",
      [archiveKey(...all), manifestKey(...all), binaryKey("*")],
      ["s3:if-none-match"],
    );
    this.denyWithout(
      "NeverBlindly",
      [channelKey("*"), signatureKey(...all)],
      ["s3:if-none-match", "s3:if-match"],
    );
  }

  private denyWithout(sid: string, keys: readonly string[], headers: readonly string[]): void {
    this.addToResourcePolicy(
      new PolicyStatement({
        sid,
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: ["s3:PutObject"],
        resources: keys.map((key) => this.arnForObjects(key)),
        conditions: {
          Null: Object.fromEntries(headers.map((header) => [header, "true"])),
          // The parts of an upload carry no conditions: its completion does.
          Bool: { "s3:ObjectCreationOperation": "true" },
        },
      }),
    );
  }
}
