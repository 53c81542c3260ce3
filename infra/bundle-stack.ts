import { BootstraplessSynthesizer, CfnOutput, CfnParameter, Fn, Stack } from "aws-cdk-lib";
import { Code } from "aws-cdk-lib/aws-lambda";
import { Bucket } from "aws-cdk-lib/aws-s3";
import type { Construct } from "constructs";
import { BundleStore } from "./bundle-store.ts";
import type { ZipOf } from "./release-stack.ts";

export interface BundleStackProps {
  readonly zipOf: ZipOf;
}

/** A store of bundles as a template for those who have no CDK. */
export class BundleStack extends Stack {
  constructor(scope: Construct, id: string, { zipOf }: BundleStackProps) {
    super(scope, id, {
      description: "Drover: where the bundles of a Nomad cluster's pools are published",
      synthesizer: new BootstraplessSynthesizer(),
      analyticsReporting: false,
    });
    const text = (name: string, props: { readonly [key: string]: string }) =>
      new CfnParameter(this, name, { type: "String", ...props }).valueAsString;
    const codeBucket = Bucket.fromBucketName(
      this,
      "Code",
      text("CodeBucket", { description: "Bucket of this region with the zip files of functions" }),
    );
    const prefix = text("CodePrefix", {
      default: "",
      description: "What comes before the names of the zip files, such as drover/0.1.0/",
    });
    const store = new BundleStore(this, "Bundles", {
      cluster: text("Cluster", {
        default: "default",
        allowedPattern: "^[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?$",
        description: "The same as Drover's",
      }),
      code: (name) => Code.fromBucketV2(codeBucket, Fn.join("", [prefix, zipOf(name)])),
      runbookUrl: text("RunbookUrl", {
        default: "docs/operate.md",
        description: "Where your people read docs/operate.md",
      }),
      // CloudFormation makes a new version when the template changes, not when a parameter does.
      pinVersions: false,
    });
    const out = (name: string, value: string, description: string) => {
      new CfnOutput(this, `${name}Output`, { value, description }).overrideLogicalId(name);
    };
    out("BundleBucket", store.bucket.bucketName, "For the templates of pools");
    out("SigningKey", store.signingKey.keyArn, "Signs what is published");
    out("StateMachine", store.publishBundle.stateMachineArn, "Start it to move a channel");
    out("AlarmTopic", store.alarmTopic.topicArn, "Subscribe to it");
    out("PublisherPolicy", store.publisherPolicy.managedPolicyArn, "For those who publish");
    out("OperatorPolicy", store.operatorPolicy.managedPolicyArn, "For those who move channels");
    out("ViewerPolicy", store.viewerPolicy.managedPolicyArn, "For those who look");
  }
}
