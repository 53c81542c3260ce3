import { App, Stack } from "aws-cdk-lib";
import { AutoScalingGroup, type AutoScalingGroupProps } from "aws-cdk-lib/aws-autoscaling";
import {
  InstanceClass,
  InstanceSize,
  InstanceType,
  type IVpc,
  LaunchTemplate,
  MachineImage,
  SecurityGroup,
  Vpc,
} from "aws-cdk-lib/aws-ec2";
import { Template } from "aws-cdk-lib/assertions";
import { Code } from "aws-cdk-lib/aws-lambda";
import { type ISecret, Secret } from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";
import { Drover } from "../../infra/drover.ts";
import type { DroverProps, NomadProps } from "../../infra/drover-props.ts";

/** Small apps for tests of templates. Their functions have no code: bundling has its own test. */

export const noCode = () => Code.fromInline("// none");

/** CDK's own checks take most of a synthesis; the reference app goes through them, and cfn-lint. */
export const newApp = (): App =>
  new App({
    analyticsReporting: false,
    treeMetadata: false,
    builtinCloudFormationValidation: false,
  });

export const newStack = (app = newApp(), id = "Test"): Stack => new Stack(app, id);

/** A network that is there already: makes no resources. */
export const existingVpc = (scope: Construct, id = "Vpc"): IVpc =>
  Vpc.fromVpcAttributes(scope, id, {
    vpcId: "vpc-0123456789abcdef0",
    availabilityZones: ["eu-central-1a", "eu-central-1b"],
    privateSubnetIds: ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
  });

export const existingSecret = (scope: Construct, name: string): ISecret =>
  Secret.fromSecretCompleteArn(
    scope,
    `Secret${name}`,
    `arn:aws:secretsmanager:eu-central-1:111122223333:secret:${name}-AbCdEf`,
  );

export const nomad: NomadProps = { address: "https://nomad.internal:4646" };

export const newDrover = (
  scope: Construct,
  props: Partial<DroverProps> = {},
  id = "Drover",
): Drover =>
  new Drover(scope, id, { nomad, vpc: props.vpc ?? existingVpc(scope), code: noCode, ...props });

export const newGroup = (
  scope: Construct,
  id = "Workers",
  props: Partial<AutoScalingGroupProps> & { readonly vpc?: IVpc } = {},
): AutoScalingGroup => {
  const vpc = props.vpc ?? existingVpc(scope, `${id}Vpc`);
  return new AutoScalingGroup(scope, id, {
    vpc,
    launchTemplate: new LaunchTemplate(scope, `${id}Machine`, {
      machineImage: MachineImage.latestAmazonLinux2023(),
      instanceType: InstanceType.of(InstanceClass.T3, InstanceSize.MICRO),
      securityGroup: new SecurityGroup(scope, `${id}Network`, { vpc }),
    }),
    ...props,
  });
};

export interface Resource {
  readonly Type: string;
  readonly Properties: Record<string, unknown>;
  readonly DependsOn?: readonly string[];
  readonly DeletionPolicy?: string;
  readonly Metadata?: Record<string, unknown>;
}

const known = new WeakMap<Stack, Record<string, Resource>>();

/** Synthesizes the app of the stack, once: nothing may be added to it after that. */
export const resourcesOf = (stack: Stack): Record<string, Resource> => {
  const found = known.get(stack) ?? synthesize(stack);
  known.set(stack, found);
  return found;
};

const synthesize = (stack: Stack): Record<string, Resource> => {
  const { Resources } = Template.fromStack(stack).toJSON() as {
    Resources: Record<string, Omit<Resource, "Properties"> & Partial<Resource>>;
  };
  return Object.fromEntries(
    Object.entries(Resources).map(([id, resource]) => [id, { Properties: {}, ...resource }]),
  );
};

export const resourcesOfType = (stack: Stack, type: string): Resource[] =>
  Object.values(resourcesOf(stack)).filter((resource) => resource.Type === type);

/** The message of the error with which a call ends. */
export const messageOf = (call: () => unknown): string => {
  try {
    call();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error("it did not fail");
};
