import { join } from "node:path";
import { App, Duration, Stack } from "aws-cdk-lib";
import { AutoScalingGroup } from "aws-cdk-lib/aws-autoscaling";
import {
  InstanceType,
  LaunchTemplate,
  MachineImage,
  Port,
  SecurityGroup,
  Vpc,
} from "aws-cdk-lib/aws-ec2";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
// From the package: import { BundleStore, ConfigBundle, Drover } from "drover";
import { BundleStore, ConfigBundle, Drover } from "../infra/index.ts";

/**
 * A pool whose group the same app makes: hook, tags and policies are put into
 * the group itself, so its first instance is looked after like its last. What
 * its machines run is published beside it.
 */
const app = new App();
const stack = new Stack(app, "Nomad", { env: { region: "eu-central-1" } });

const vpc = Vpc.fromVpcAttributes(stack, "Vpc", {
  vpcId: "vpc-0123456789abcdef0",
  availabilityZones: ["eu-central-1a", "eu-central-1b"],
  privateSubnetIds: ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
});
const servers = SecurityGroup.fromSecurityGroupId(stack, "Servers", "sg-0123456789abcdef0");

const drover = new Drover(stack, "Drover", {
  cluster: "eu",
  nomad: {
    address: "https://nomad.internal:4646",
    region: "eu",
    token: Secret.fromSecretNameV2(stack, "NomadToken", "drover/nomad-token"),
    tls: { ca: Secret.fromSecretNameV2(stack, "Ca", "drover/ca") },
  },
  consul: {
    address: "https://consul.internal:8501",
    datacenter: "eu",
    token: Secret.fromSecretNameV2(stack, "ConsulToken", "drover/consul-token"),
    tls: { ca: Secret.fromSecretNameV2(stack, "ConsulCa", "drover/ca") },
  },
  vpc,
  slots: 2,
  runbookUrl: "https://wiki.internal/drover/operate",
});
drover.connections.allowTo(servers, Port.tcp(4646), "Nomad");
drover.connections.allowTo(servers, Port.tcp(8501), "Consul");

const workers = new AutoScalingGroup(stack, "Workers", {
  vpc,
  launchTemplate: new LaunchTemplate(stack, "WorkersMachine", {
    // Your image: Alpine, with the binaries that bundle.yaml does not pin.
    machineImage: MachineImage.genericLinux({ "eu-central-1": "ami-0123456789abcdef0" }),
    instanceType: new InstanceType("m7i.large"),
    securityGroup: new SecurityGroup(stack, "WorkersNetwork", { vpc }),
    role: new Role(stack, "WorkersRole", { assumedBy: new ServicePrincipal("ec2.amazonaws.com") }),
  }),
  // No desired capacity: it would be set back by every deployment.
  minCapacity: 2,
  maxCapacity: 20,
});

const bundles = new BundleStore(stack, "Bundles", { cluster: "eu" });
new ConfigBundle(stack, "WorkersBundle", {
  store: bundles,
  pool: "workers",
  source: join(import.meta.dirname, "pool"),
  // The first machines need one. Leave it out when there are machines, to try it on one of them.
  promote: true,
});
const secrets = ["consul.json", "nomad-cert.pem", "nomad-key.pem"].map((name) =>
  Secret.fromSecretNameV2(stack, name, `drover/workers/${name}`),
);

drover.manage(workers, {
  pool: "workers",
  bundles: { store: bundles, secrets },
  drainDeadline: Duration.minutes(30),
  onDrainFailure: "continue",
  slots: 2,
});
