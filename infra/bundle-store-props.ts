import type { Duration, RemovalPolicy } from "aws-cdk-lib";
import type { IRole } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import type { RetentionDays } from "aws-cdk-lib/aws-logs";
import type { IBucket } from "aws-cdk-lib/aws-s3";
import type { ISecret } from "aws-cdk-lib/aws-secretsmanager";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { IParameter } from "aws-cdk-lib/aws-ssm";
import type { FunctionCode } from "./function-code.ts";

export interface BundleStoreProps {
  /**
   * The cluster whose pools run these bundles; the same as Drover's.
   *
   * @default "default"
   */
  readonly cluster?: string;
  /**
   * Signs what is published: ECC_NIST_P256, for SIGN_VERIFY.
   *
   * @default - one of its own, which outlives the stack
   */
  readonly signingKey?: IKey;
  /**
   * Whose signatures new machines believe too, while one key takes the place of
   * another: `docs/bundles.md` has the steps.
   *
   * @default - none
   */
  readonly alsoTrusted?: readonly IKey[];
  /**
   * How long what was replaced or removed can be brought back. Whole days.
   *
   * @default Duration.days(30)
   */
  readonly recoverableFor?: Duration;
  /**
   * Where S3 writes down who asked for what.
   *
   * @default - nowhere
   */
  readonly accessLogsBucket?: IBucket;
  /**
   * Of the bucket and the key. A bucket that is not empty is not deleted in any case.
   *
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;
  /**
   * How many of the newest bundles of a pool are kept in any case.
   *
   * @default 10
   */
  readonly keepBundles?: number;
  /**
   * For how long a bundle is kept in any case after it was stored, or last moved. Whole days.
   *
   * @default Duration.days(90)
   */
  readonly keepFor?: Duration;
  /** Where the alarms go. @default - a topic of its own */
  readonly alarmTopic?: ITopic;
  /**
   * The page of the runbook to which the alarms link: wherever your people read `docs/operate.md`.
   *
   * @default "docs/operate.md"
   */
  readonly runbookUrl?: string;
  /**
   * Whether runs of `publish-bundle` go on with the code that they began with. Each
   * deployment then leaves versions of functions behind.
   *
   * @default true
   */
  readonly pinVersions?: boolean;
  /** Of functions and the state machine. @default RetentionDays.THREE_MONTHS */
  readonly logRetention?: RetentionDays;
  /**
   * Where the code of the functions is.
   *
   * @default - bundled when the app is synthesized
   */
  readonly code?: FunctionCode;
}

/** An entry of Secrets Manager, or a parameter of SSM. */
export type MachineSecret = ISecret | IParameter;

/** What machines of a pool are told. */
export interface BundleOptions {
  /** What the pool's bundles name under `secrets`, and nothing else. @default - none */
  readonly secrets?: readonly MachineSecret[];
  /**
   * The lowest serial of the pool's channel that a new machine believes. Raise it
   * when no machine must ever again run what was published before.
   *
   * @default 0
   */
  readonly serialFloor?: number;
  /**
   * Whether a machine without the tag `drover:bundle` takes the current bundle,
   * or waits for the tag: whoever launches it has to set that, Drover does not.
   *
   * @default "current"
   */
  readonly assignment?: "current" | "wait";
  /**
   * For how long a new machine tries again what may pass: a little less than the
   * launch hook allows. Between a minute and two hours.
   *
   * @default Duration.minutes(15)
   */
  readonly bootTime?: Duration;
  /**
   * PEM of the keys whose signatures machines believe, one after the other.
   *
   * @default - the store's, as KMS gives them when the stack is deployed
   */
  readonly publicKey?: string;
}

export interface MachineProps extends BundleOptions {
  /** The pool's name: at most 63 letters, digits, hyphens and underscores. */
  readonly pool: string;
  /** Of the machines. It gets what they need, and nothing else. */
  readonly role: IRole;
  /**
   * The unique id of the role (`AROA…`), under which machines report: for a role
   * of others, which tells it by `aws iam get-role`.
   *
   * @default - that of a role of this app
   */
  readonly roleId?: string;
}
