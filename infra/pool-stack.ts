import { BootstraplessSynthesizer, CfnCondition, CfnParameter, Fn, Stack } from "aws-cdk-lib";
import { CfnLifecycleHook } from "aws-cdk-lib/aws-autoscaling";
import { CfnPolicy, PolicyDocument } from "aws-cdk-lib/aws-iam";
import { Bucket } from "aws-cdk-lib/aws-s3";
import { StringParameter } from "aws-cdk-lib/aws-ssm";
import type { Construct } from "constructs";
import { parse } from "valibot";
import { retireHookName } from "../lambdas/retire/hook-names.ts";
import { poolSettings } from "../lambdas/runtime/pool-settings.ts";
import { machineStatements } from "./bundle-grants.ts";
import { defaultHeartbeat } from "./check-pool.ts";
import { poolParameterPrefix } from "./names.ts";

/** Its settings that are numbers, with their bounds in seconds or nodes. */
const numbers = {
  DrainDeadlineSeconds: ["drainDeadlineSeconds", 1, 169_200],
  SystemDrainDeadlineSeconds: ["systemDrainDeadlineSeconds", 1, 3600],
  JoinGraceSeconds: ["joinGraceSeconds", 0, 7200],
  PoolSlots: ["slots", 1, 100],
} as const;

/**
 * A group that is there already becomes a pool: its hook, its settings, and if
 * its machines boot from a store of bundles, what their role needs. It has to
 * carry the tags `drover:cluster` and `drover:pool` besides, which
 * CloudFormation cannot give to a group of others.
 */
export class PoolStack extends Stack {
  constructor(scope: Construct, id: string) {
    super(scope, id, {
      description: "Drover: makes an Auto Scaling group a pool of a Nomad cluster",
      synthesizer: new BootstraplessSynthesizer(),
      analyticsReporting: false,
    });
    const defaults = parse(poolSettings, {});
    const text = (name: string, description: string, allowedPattern: string) =>
      new CfnParameter(this, name, { type: "String", description, allowedPattern }).valueAsString;
    const cluster = text(
      "Cluster",
      "The same as Drover's; also the group's tag drover:cluster",
      "^[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?$",
    );
    const pool = text(
      "Pool",
      "The pool's name; also the group's tag drover:pool",
      "^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$",
    );
    const fields = Object.entries(numbers).map(([name, [field, minValue, maxValue]]) => {
      new CfnParameter(this, name, {
        type: "Number",
        default: defaults[field],
        minValue,
        maxValue,
      });
      return `"${field}":\${${name}}`;
    });
    new CfnParameter(this, "ObserveOnly", {
      type: "String",
      default: String(defaults.observeOnly),
      allowedValues: ["false", "true"],
      description: "Decide and report everything, do nothing but complete hooks",
    });
    new StringParameter(this, "Settings", {
      // As the name begins with a slash.
      simpleName: false,
      parameterName: `${poolParameterPrefix(cluster)}${pool}`,
      description: "Settings of a pool of Drover; spans in seconds",
      stringValue: Fn.sub(`{${[...fields, '"observeOnly":${ObserveOnly}'].join(",")}}`),
    });
    new CfnLifecycleHook(this, "Hook", {
      autoScalingGroupName: text("AutoScalingGroupName", "The group", "^.+$"),
      lifecycleHookName: retireHookName(cluster),
      lifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
      // Auto Scaling's own default is ABANDON.
      defaultResult: "CONTINUE",
      heartbeatTimeout: new CfnParameter(this, "HeartbeatSeconds", {
        type: "Number",
        default: defaultHeartbeat.toSeconds(),
        minValue: 30,
        maxValue: 7200,
        description: "The hook lives for a hundred of them, and for 48 hours at most",
      }).valueAsNumber,
    });
    this.allowMachines(cluster, pool);
  }

  private allowMachines(cluster: string, pool: string): void {
    const optional = (name: string, description: string) =>
      new CfnParameter(this, name, { type: "String", default: "", description }).valueAsString;
    const bucket = optional("BundleBucket", "Of the cluster's store of bundles, if there is one");
    const role = optional(
      "MachineRole",
      "The name of the machines' role; secrets are yours to add",
    );
    const isGiven = (value: string) => Fn.conditionNot(Fn.conditionEquals(value, ""));
    const { bucketArn } = Bucket.fromBucketName(this, "Bundles", bucket);
    new CfnPolicy(this, "Machines", {
      policyName: Fn.join("-", ["drover", cluster, pool]),
      policyDocument: new PolicyDocument({ statements: machineStatements({ bucketArn }, pool) }),
      roles: [role],
    }).cfnOptions.condition = new CfnCondition(this, "HasBundles", {
      expression: Fn.conditionAnd(isGiven(bucket), isGiven(role)),
    });
  }
}
