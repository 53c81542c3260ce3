import { Annotations, App, Duration, Stack } from "aws-cdk-lib";
import { AutoScalingGroup } from "aws-cdk-lib/aws-autoscaling";
import { SecurityGroup, Vpc } from "aws-cdk-lib/aws-ec2";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
// From the package: import { Drover } from "drover";
import { Drover } from "../infra/index.ts";

/**
 * A pool whose group another stack or tool has made. CloudFormation can give it
 * a hook, but no tags; whoever makes the group adds these two, and until then
 * Drover is not allowed to act on it:
 *
 * ```sh
 * aws autoscaling create-or-update-tags --tags \
 *   ResourceId=legacy-workers,ResourceType=auto-scaling-group,Key=drover:cluster,Value=default,PropagateAtLaunch=false \
 *   ResourceId=legacy-workers,ResourceType=auto-scaling-group,Key=drover:pool,Value=legacy,PropagateAtLaunch=false
 * ```
 *
 * `observeOnly` is a way to begin: everything is decided and reported, and
 * nothing done but hooks kept alive and completed.
 */
const app = new App();
const stack = new Stack(app, "DroverForLegacy");

const drover = new Drover(stack, "Drover", {
  nomad: {
    address: "https://nomad.internal:4646",
    token: Secret.fromSecretNameV2(stack, "NomadToken", "drover/nomad-token"),
  },
  vpc: Vpc.fromVpcAttributes(stack, "Vpc", {
    vpcId: "vpc-0123456789abcdef0",
    availabilityZones: ["eu-central-1a", "eu-central-1b"],
    privateSubnetIds: ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
  }),
  // One that Nomad's servers let in already.
  securityGroups: [SecurityGroup.fromSecurityGroupId(stack, "Clients", "sg-0123456789abcdef0")],
  runbookUrl: "https://wiki.internal/drover/operate",
});

const legacy = AutoScalingGroup.fromAutoScalingGroupName(stack, "Legacy", "legacy-workers");
drover.manage(legacy, {
  pool: "legacy",
  drainDeadline: Duration.hours(1),
  observeOnly: true,
});
// Until somebody has tagged it, the synthesis warns of it; `drover doctor` finds out by itself.
Annotations.of(legacy).acknowledgeWarning("drover:importedGroupTags", "It has both tags.");
