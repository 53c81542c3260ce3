import type { Duration, RemovalPolicy } from "aws-cdk-lib";
import type { ISecurityGroup, IVpc, SubnetSelection } from "aws-cdk-lib/aws-ec2";
import type { RetentionDays } from "aws-cdk-lib/aws-logs";
import type { ISecret } from "aws-cdk-lib/aws-secretsmanager";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { BundleStore } from "./bundle-store.ts";
import type { BundleOptions } from "./bundle-store-props.ts";
import type { FunctionCode } from "./function-code.ts";

/** Secrets whose text is PEM. */
export interface TlsSecrets {
  /** @default - the certificate authorities that Node.js knows */
  readonly ca?: ISecret;
  /** With `clientKey`. @default - no client certificate */
  readonly clientCertificate?: ISecret;
  /** With `clientCertificate`. @default - no client certificate */
  readonly clientKey?: ISecret;
}

/** What Nomad and Consul have in common. */
export interface ServiceProps {
  /**
   * The secret whose text is the token. `docs/` has the policy that the token
   * needs.
   *
   * @default - no token: only where ACLs are off
   */
  readonly token?: ISecret;
  /** @default - no certificates of one's own */
  readonly tls?: TlsSecrets;
  /**
   * Allows an address with `http:`. The token then crosses the network unencrypted.
   *
   * @default false
   */
  readonly allowHttp?: boolean;
}

export interface NomadProps extends ServiceProps {
  /** Of the HTTP API: `https://nomad.internal:4646`. */
  readonly address: string;
  /** @default "global" - as Nomad's own */
  readonly region?: string;
}

export interface ConsulProps extends ServiceProps {
  /** Of the HTTP API: `https://consul.internal:8501`. */
  readonly address: string;
  /** @default "dc1" - as Consul's own */
  readonly datacenter?: string;
}

export interface DroverProps {
  /**
   * Tells several Drovers of one account and region apart: at most 24 lower-case
   * letters, digits, and hyphens inside.
   *
   * @default "default"
   */
  readonly cluster?: string;
  readonly nomad: NomadProps;
  /** @default - no Consul: members are left to Consul's own reaping */
  readonly consul?: ConsulProps;
  /** From which Nomad and Consul can be reached. */
  readonly vpc: IVpc;
  /**
   * Need a way to Nomad, to Consul and to Secrets Manager (by NAT or an
   * interface endpoint).
   *
   * @default - the private subnets
   */
  readonly vpcSubnets?: SubnetSelection;
  /** @default - one of its own, which lets everything out */
  readonly securityGroups?: ISecurityGroup[];
  /**
   * How many nodes of the cluster may drain at the same time, over all pools.
   * On versions of Nomad that lose services when two nodes drain, it is one
   * whatever is set here.
   *
   * @default - the largest `slots` of its pools
   */
  readonly slots?: number;
  /** Where the alarms go. @default - a topic of its own, see `Drover.alarmTopic` */
  readonly alarmTopic?: ITopic;
  /** @default RetentionDays.THREE_MONTHS */
  readonly logRetention?: RetentionDays;
  /**
   * Of the logs and the table. What the table holds concerns retirements under
   * way, and is of no use to anything but this Drover.
   *
   * @default RemovalPolicy.DESTROY
   */
  readonly removalPolicy?: RemovalPolicy;
  /**
   * Where your people read this project's `docs/operate.md`. Each alarm links
   * to its entry there.
   *
   * @default "docs/operate.md"
   */
  readonly runbookUrl?: string;
  /**
   * Where the functions' code is.
   *
   * @default - bundled when the app is synthesized
   */
  readonly code?: FunctionCode;
  /**
   * Whether an execution goes on with the code and the settings with which it
   * began, whatever is deployed meanwhile. A template with parameters has to
   * say no: CloudFormation makes a new version of a function when the template
   * changes, not when a parameter does.
   *
   * @default true
   */
  readonly pinVersions?: boolean;
}

/** What becomes of an instance that could not be drained. */
export type DrainFailure = "continue" | "retain";

/** From where machines of a pool have what they run. */
export interface PoolBundles extends BundleOptions {
  readonly store: BundleStore;
}

export interface PoolProps {
  /** The pool's name: at most 63 letters, digits, hyphens and underscores. */
  readonly pool: string;
  /**
   * How long applications have to move away before Nomad stops them.
   *
   * @default Duration.minutes(30)
   */
  readonly drainDeadline?: Duration;
  /**
   * The deadline of a node on which batch work runs: when it is stopped, it
   * begins again from zero.
   *
   * @default - as drainDeadline
   */
  readonly batchDrainDeadline?: Duration;
  /**
   * The deadline of system jobs, which are drained last.
   *
   * @default Duration.minutes(1)
   */
  readonly systemDrainDeadline?: Duration;
  /**
   * What becomes of an instance whose drain failed, met its deadline, or could not
   * be done at all: `continue` lets it go, `retain` keeps it for a person, who has
   * to end it; only for groups of the same app.
   *
   * @default "continue"
   */
  readonly onDrainFailure?: DrainFailure;
  /**
   * How many nodes of the pool may drain at the same time.
   *
   * @default 1
   */
  readonly slots?: number;
  /**
   * How long a machine may take from its launch until its node has registered.
   *
   * @default Duration.minutes(10)
   */
  readonly joinGrace?: Duration;
  /**
   * Decide and report everything, and do nothing but keep hooks alive and
   * complete them.
   *
   * @default false
   */
  readonly observeOnly?: boolean;
  /**
   * The hook's heartbeat time-out: how long an instance waits when nobody takes
   * care of it, between 30 and 7200 seconds. The hook lives for a hundred of
   * them, and for 48 hours at most.
   *
   * @default Duration.seconds(1728) - the shortest with 48 hours
   */
  readonly heartbeat?: Duration;
  /**
   * What the pool's machines run, from the first boot on. The group's launch
   * template gets its user data, IMDSv2 with the hop limit 1 and instance tags,
   * and its role what machines need; only for launch templates of the same app,
   * without user data of their own.
   *
   * @default - machines are made in another way
   */
  readonly bundles?: PoolBundles;
}
