import { CustomResource, Duration, RemovalPolicy } from "aws-cdk-lib";
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import {
  Architecture,
  type Code,
  Function as LambdaFunction,
  Runtime,
} from "aws-cdk-lib/aws-lambda";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import type { IBucket } from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { binaryKey } from "../lambdas/config/keys.ts";
import { acknowledgeWildcard } from "./acknowledge.ts";
import { packMachineScripts } from "./machine-user-data.ts";

export interface StorePreparationProps {
  readonly cluster: string;
  readonly bucket: IBucket;
  /** ARNs of all keys whose signatures machines believe. */
  readonly trustedKeys: readonly string[];
  readonly code: Code;
  readonly logRetention: RetentionDays;
}

/**
 * What a deployment has to do in a store before a machine can boot from it: put
 * the scripts of machines there, and read the public keys, which no resource of
 * CloudFormation tells.
 */
export class StorePreparation extends Construct {
  /** The digest of the scripts, known when they are there: whoever uses it comes after them. */
  readonly scripts: string;
  /** PEM, one after the other. */
  readonly publicKeys: string;

  constructor(scope: Construct, id: string, props: StorePreparationProps) {
    super(scope, id);
    const { bucket, trustedKeys } = props;
    const logGroup = new LogGroup(this, "Log", {
      retention: props.logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const binaries = bucket.arnForObjects(binaryKey("*"));
    const allow = (actions: string[], resources: string[]) =>
      new PolicyStatement({ actions, resources });
    const role = new Role(this, "Role", {
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
      description: `Drover ${props.cluster}: prepares the store of bundles`,
      inlinePolicies: {
        Prepare: new PolicyDocument({
          statements: [
            allow(["logs:CreateLogStream", "logs:PutLogEvents"], [logGroup.logGroupArn]),
            allow(["s3:PutObject"], [binaries]),
            allow(["kms:GetPublicKey"], [...trustedKeys]),
          ],
        }),
      },
    });
    acknowledgeWildcard(role, binaries, "Each is under its digest, and none is ever replaced.");
    const prepare = new LambdaFunction(this, "Function", {
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: "index.handler",
      code: props.code,
      description: `Drover ${props.cluster}: prepares the store of bundles`,
      environment: { NODE_OPTIONS: "--enable-source-maps" },
      // It waits for its own grants for up to a minute, for each thing that it does.
      timeout: Duration.minutes(4),
      memorySize: 256,
      role,
      logGroup,
    });
    const prepared = new CustomResource(this, "Prepared", {
      serviceToken: prepare.functionArn,
      resourceType: "Custom::DroverBundleStore",
      // Lambda begins three times at most; CloudFormation would wait for an hour.
      serviceTimeout: Duration.minutes(15),
      properties: {
        Bucket: bucket.bucketName,
        Keys: trustedKeys,
        Scripts: packMachineScripts().sha256,
      },
    });
    this.scripts = prepared.getAttString("Scripts");
    this.publicKeys = prepared.getAttString("PublicKeys");
  }
}
