import { App, type AppProps, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { AutoScalingGroup } from "aws-cdk-lib/aws-autoscaling";
import {
  BlockDeviceVolume,
  InstanceClass,
  InstanceSize,
  InstanceType,
  LaunchTemplate,
  MachineImage,
  SecurityGroup,
  Vpc,
} from "aws-cdk-lib/aws-ec2";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Code } from "aws-cdk-lib/aws-lambda";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import type { CloudAssembly } from "aws-cdk-lib/cx-api";
import { acknowledge } from "./acknowledge.ts";
import { BundleStore } from "./bundle-store.ts";
import type { BundleStoreProps } from "./bundle-store-props.ts";
import { ConfigBundle } from "./config-bundle.ts";
import { Drover } from "./drover.ts";
import type { DroverProps, PoolProps } from "./drover-props.ts";

/** A pool, and the size of its group. */
export interface ReferencePool extends PoolProps {
  /** @default 1 */
  readonly minCapacity?: number;
  /** @default 10 */
  readonly maxCapacity?: number;
}

export interface ReferenceOptions extends Pick<
  DroverProps,
  "cluster" | "slots" | "code" | "runbookUrl"
> {
  /** @default "Drover" */
  readonly stackName?: string;
  /** @default "https://nomad.internal:4646" */
  readonly nomadAddress?: string;
  /** @default "global" */
  readonly nomadRegion?: string;
  /** Null when there is no Consul. @default "https://consul.internal:8501" */
  readonly consulAddress?: string | null;
  /** @default "dc1" */
  readonly consulDatacenter?: string;
  /** Whether Nomad and Consul want tokens. @default true */
  readonly acls?: boolean;
  /** Whether they have certificates of one's own, and want them of clients. @default true */
  readonly tls?: boolean;
  /** Whether the pools' machines boot from a store of bundles, and of which kind. @default false */
  readonly bundles?: boolean | Pick<BundleStoreProps, "keepBundles" | "keepFor">;
  /** Of the bundle that is published to each pool when the app is deployed. @default - none is */
  readonly bundleSource?: string;
  /** @default - `workers`, and `batch` with longer deadlines */
  readonly pools?: readonly ReferencePool[];
}

const defaultPools: readonly ReferencePool[] = [
  { pool: "workers", drainDeadline: Duration.minutes(30) },
  {
    pool: "batch",
    drainDeadline: Duration.hours(1),
    batchDrainDeadline: Duration.hours(12),
    onDrainFailure: "retain",
    minCapacity: 0,
  },
];

export interface ReferenceStackProps extends ReferenceOptions {}

/** A network, secrets to be filled by a person, groups, and the Drover that looks after them. */
export class ReferenceStack extends Stack {
  readonly drover: Drover;

  constructor(scope: App, id: string, options: ReferenceStackProps = {}) {
    super(scope, id, { description: "Drover: looks after the nodes of a Nomad cluster" });
    const { acls = true, tls = true, consulAddress = "https://consul.internal:8501" } = options;
    const vpc = new Vpc(this, "Vpc", { maxAzs: 2, natGateways: 1 });
    acknowledge(vpc, "AwsSolutions-VPC7", "Stands for the network that the cluster has already.");
    const secret = (name: string, description: string) => {
      const made = new Secret(this, name, { description, removalPolicy: RemovalPolicy.DESTROY });
      acknowledge(
        made,
        "AwsSolutions-SMG4",
        "Nomad and Consul issue it, so it is rotated there; the functions read it anew within five minutes.",
      );
      return made;
    };
    const certificates = tls && {
      ca: secret("Ca", "PEM of the certificate authority of Nomad and Consul"),
      clientCertificate: secret("ClientCertificate", "PEM of Drover's client certificate"),
      clientKey: secret("ClientKey", "PEM of the key of Drover's client certificate"),
    };

    this.drover = new Drover(this, "Drover", {
      ...(options.cluster !== undefined && { cluster: options.cluster }),
      ...(options.slots !== undefined && { slots: options.slots }),
      ...(options.code && { code: options.code }),
      // Where your people read this project's docs/operate.md.
      runbookUrl: options.runbookUrl ?? "https://wiki.internal/drover/operate",
      nomad: {
        address: options.nomadAddress ?? "https://nomad.internal:4646",
        ...(options.nomadRegion && { region: options.nomadRegion }),
        ...(acls && { token: secret("NomadToken", "Drover's token for Nomad") }),
        ...(certificates && { tls: certificates }),
      },
      ...(consulAddress && {
        consul: {
          address: consulAddress,
          ...(options.consulDatacenter && { datacenter: options.consulDatacenter }),
          ...(acls && { token: secret("ConsulToken", "Drover's token for Consul") }),
          ...(certificates && { tls: certificates }),
        },
      }),
      vpc,
    });
    const store =
      options.bundles !== undefined && options.bundles !== false
        ? new BundleStore(this, "Bundles", {
            ...(options.bundles !== true && options.bundles),
            ...(options.cluster !== undefined && { cluster: options.cluster }),
            ...(options.code && { code: options.code }),
          })
        : undefined;
    for (const pool of options.pools ?? defaultPools) {
      if (store && options.bundleSource !== undefined)
        new ConfigBundle(this, `${pool.pool}-bundle`, {
          store,
          pool: pool.pool,
          source: options.bundleSource,
          promote: true,
          ...(options.code && { code: options.code }),
        });
      this.drover.manage(this.group(vpc, pool), { ...(store && { bundles: { store } }), ...pool });
    }
  }

  /** Its image has to be replaced by one in which Nomad starts. */
  private group(vpc: Vpc, { pool, minCapacity = 1, maxCapacity = 10 }: ReferencePool) {
    const launchTemplate = new LaunchTemplate(this, `${pool}-machine`, {
      machineImage: MachineImage.latestAmazonLinux2023(),
      instanceType: InstanceType.of(InstanceClass.T3, InstanceSize.MEDIUM),
      requireImdsv2: true,
      blockDevices: [
        { deviceName: "/dev/xvda", volume: BlockDeviceVolume.ebs(30, { encrypted: true }) },
      ],
      // Tasks on the machine cannot borrow its role.
      httpPutResponseHopLimit: 1,
      securityGroup: new SecurityGroup(this, `${pool}-network`, { vpc }),
      role: new Role(this, `${pool}-role`, {
        assumedBy: new ServicePrincipal("ec2.amazonaws.com"),
      }),
    });
    // No desired capacity: it would be set back by every deployment.
    const group = new AutoScalingGroup(this, pool, {
      vpc,
      launchTemplate,
      minCapacity,
      maxCapacity,
    });
    acknowledge(
      group,
      "AwsSolutions-AS3",
      "Drover's alarms tell what becomes of instances; notices of every launch would hide them.",
    );
    return group;
  }
}

/** The reference app, complete but not yet synthesized. */
export const referenceApp = (
  options: ReferenceOptions = {},
  appProps: AppProps = {},
): { readonly app: App; readonly stack: ReferenceStack } => {
  const app = new App(appProps);
  return { app, stack: new ReferenceStack(app, options.stackName ?? "Drover", options) };
};

/** A CloudFormation template. */
export interface SynthesizedTemplate {
  readonly Resources: Readonly<
    Record<
      string,
      {
        readonly Type: string;
        readonly Properties?: Readonly<Record<string, unknown>>;
        readonly Metadata?: Readonly<Record<string, unknown>>;
      }
    >
  >;
}

/**
 * Synthesizes the reference app in this process. Its functions have no code,
 * unless `code` is given: whoever runs the template elsewhere has the handlers.
 *
 * @param outdir - where the assembly is written; by default a new temporary folder
 */
export const synthesizeReference = (
  options: ReferenceOptions = {},
  outdir?: string,
): { readonly assembly: CloudAssembly; readonly template: SynthesizedTemplate } => {
  const code = () => Code.fromInline("// The handler is not in this template.");
  const { app, stack } = referenceApp(
    { code, ...options },
    {
      analyticsReporting: false,
      treeMetadata: false,
      // CDK's own checks take most of a synthesis; they are for `cdk synth`.
      builtinCloudFormationValidation: false,
      ...(outdir && { outdir }),
    },
  );
  const assembly = app.synth();
  const template: SynthesizedTemplate = assembly.getStackArtifact(stack.artifactId).template;
  return { assembly, template };
};
