import { Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { UserData } from "aws-cdk-lib/aws-ec2";
import {
  type IGrantable,
  type IRole,
  ManagedPolicy,
  Policy,
  type PolicyStatement,
} from "aws-cdk-lib/aws-iam";
import { Alias, type IKey, Key, KeySpec, KeyUsage } from "aws-cdk-lib/aws-kms";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import type { IBucket } from "aws-cdk-lib/aws-s3";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import { StringParameter } from "aws-cdk-lib/aws-ssm";
import type { StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import { type BundlePlace, bundlePlaceParameter } from "../lambdas/config/bundle-place.ts";
import { AlarmTopic } from "./alarm-topic.ts";
import { BundleBucket } from "./bundle-bucket.ts";
import {
  acknowledgeStatements,
  machineStatements,
  operatorStatements,
  publisherStatements,
  secretStatements,
  type StoreResources,
  viewerStatements,
} from "./bundle-grants.ts";
import type { BundleStoreProps, MachineProps } from "./bundle-store-props.ts";
import { checkBundleStore, checkMachine, roleIdOf } from "./check-bundles.ts";
import { functionCode } from "./function-code.ts";
import { formatUserData } from "./machine-user-data.ts";
import { bundleKeyAlias } from "./names.ts";
import { Problems } from "./problems.ts";
import { Publication } from "./publication.ts";
import { StorePreparation } from "./store-preparation.ts";

/**
 * Where the bundles of a cluster's pools are published, and from where its
 * machines fetch them: a bucket, and the key that signs what is in it. Works
 * with a Drover or without one.
 *
 * ```ts
 * const bundles = new BundleStore(stack, "Bundles");
 * const workers = new LaunchTemplate(stack, "Workers", {
 *   role,
 *   userData: bundles.userData({ pool: "workers", role, secrets: [gossipKey] }),
 *   requireImdsv2: true,
 *   httpPutResponseHopLimit: 1,
 *   instanceMetadataTags: true,
 * });
 * ```
 */
export class BundleStore extends Construct {
  readonly cluster: string;
  readonly bucket: IBucket;
  /** Signs what is published. */
  readonly signingKey: IKey;
  /** ARNs of all keys whose signatures machines believe. */
  readonly trustedKeys: readonly string[];
  /** Moves channels; a person may start it: `docs/bundles.md` has the input. */
  readonly publishBundle: StateMachine;
  /** Where the alarms go. */
  readonly alarmTopic: ITopic;
  /** For those who publish to any pool: `grantPublisher`, as a policy to be attached. */
  readonly publisherPolicy: ManagedPolicy;
  /** For those who move channels by the state machine: `grantOperator`, as a policy to be attached. */
  readonly operatorPolicy: ManagedPolicy;
  /** For those who only look: `grantViewer`, as a policy to be attached. */
  readonly viewerPolicy: ManagedPolicy;

  readonly #resources: Omit<StoreResources, "scope">;
  readonly #preparation: StorePreparation;

  /** @throws Error that tells all that is wrong with the properties */
  constructor(scope: Construct, id: string, props: BundleStoreProps = {}) {
    super(scope, id);
    const problems = new Problems();
    checkBundleStore(props, problems);
    problems.throwIfAny(`BundleStore ${this.node.path}`);

    const { removalPolicy = RemovalPolicy.RETAIN } = props;
    this.cluster = props.cluster ?? "default";
    this.bucket = new BundleBucket(this, "Bucket", {
      recoverableFor: props.recoverableFor ?? Duration.days(30),
      removalPolicy,
      accessLogsBucket: props.accessLogsBucket,
    });
    this.signingKey = props.signingKey ?? this.makeKey(removalPolicy);
    new Alias(this, "Alias", {
      aliasName: bundleKeyAlias(this.cluster),
      targetKey: this.signingKey,
    });
    const trustedKeys = [this.signingKey, ...(props.alsoTrusted ?? [])].map(({ keyArn }) => keyArn);
    this.trustedKeys = trustedKeys;
    const place: BundlePlace = {
      bucket: this.bucket.bucketName,
      key: this.signingKey.keyArn,
      trustedKeys,
    };
    new StringParameter(this, "Place", {
      // As the name begins with a slash.
      simpleName: false,
      parameterName: bundlePlaceParameter(this.cluster),
      description: `Where the bundles of the cluster ${this.cluster} are, for drover publish`,
      stringValue: Stack.of(this).toJsonString(place),
    });
    const code = props.code ?? functionCode;
    const logRetention = props.logRetention ?? RetentionDays.THREE_MONTHS;
    this.#preparation = new StorePreparation(this, "Preparation", {
      cluster: this.cluster,
      bucket: this.bucket,
      trustedKeys,
      code: code("deploy/prepare-store"),
      logRetention,
    });
    this.#resources = {
      cluster: this.cluster,
      bucketArn: this.bucket.bucketArn,
      key: place.key,
      trustedKeys,
    };
    this.alarmTopic = props.alarmTopic ?? new AlarmTopic(this, "Alarms");
    this.publishBundle = new Publication(this, "Publication", {
      ...this.#resources,
      bucketName: this.bucket.bucketName,
      keep: {
        bundles: props.keepBundles ?? 10,
        days: (props.keepFor ?? Duration.days(90)).toDays(),
      },
      code,
      pinVersions: props.pinVersions ?? true,
      topic: this.alarmTopic,
      runbookUrl: props.runbookUrl ?? "docs/operate.md",
      logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    }).stateMachine;
    const resources = this.resourcesFor(this);
    this.publisherPolicy = this.policy("Publisher", publisherStatements(resources));
    this.operatorPolicy = this.policy("Operator", operatorStatements(resources));
    this.viewerPolicy = this.policy("Viewer", viewerStatements(resources));
  }

  /**
   * The user data of a pool's machines, and for their role what they need. The
   * launch template has to demand IMDSv2 with the hop limit 1, and to give
   * machines their tags: `drover.manage` with `bundles` sees to all three.
   *
   * Nothing secret is in it. It is a whole script, of which nothing is left when
   * it has ended: commands of one's own belong into the bundle, as hooks.
   *
   * @throws Error that tells all that is wrong with the properties
   */
  userData(props: MachineProps): UserData {
    const problems = new Problems();
    checkMachine(props, problems);
    problems.throwIfAny(`${this.node.path}: the user data of ${props.pool}`);
    this.grantMachine(props.role, props);
    const { pool, serialFloor, assignment, bootTime } = props;
    const settings = {
      pool,
      cluster: this.cluster,
      bucket: this.bucket.bucketName,
      region: Stack.of(this).region,
      roleId: roleIdOf(props) ?? "",
      serialFloor,
      assignment,
      bootSeconds: bootTime?.toSeconds(),
    };
    const { publicKeys, scripts } = this.#preparation;
    return UserData.custom(formatUserData(settings, props.publicKey ?? publicKeys, scripts));
  }

  /**
   * Lets the machines with a role run what one pool runs, and nothing else: read
   * its channel, its bundles, binaries, and the secrets; write a report, each its
   * own.
   */
  grantMachine(role: IRole, { pool, secrets = [] }: Pick<MachineProps, "pool" | "secrets">): void {
    const statements = [
      ...machineStatements(this.resourcesFor(role), pool),
      ...secretStatements(role, secrets),
    ];
    const id = `DroverBundles-${pool}`;
    const known = role.node.tryFindChild(id);
    // Beneath the role: a launch template comes after it, and so do its machines.
    const policy = known instanceof Policy ? known : new Policy(role, id, { roles: [role] });
    policy.addStatements(...statements);
    acknowledgeStatements(policy, statements);
  }

  /**
   * Lets somebody publish, promote and roll back, with the command line.
   *
   * @param pool - the only pool to which; any by default. Names of others' objects are seen.
   */
  grantPublisher(grantee: IGrantable, pool?: string): void {
    this.grant(grantee, publisherStatements(this.resourcesFor(this), pool));
  }

  /** Lets somebody look, and start the state machine `publish-bundle`. */
  grantOperator(grantee: IGrantable): void {
    this.grant(grantee, operatorStatements(this.resourcesFor(this)));
  }

  /**
   * Lets somebody see bundles, their history, and which machines run what.
   *
   * @param pool - the only pool of which; any by default. Names of others' objects are seen.
   */
  grantViewer(grantee: IGrantable, pool?: string): void {
    this.grant(grantee, viewerStatements(this.resourcesFor(this), pool));
  }

  private resourcesFor(scope: Construct): StoreResources {
    return { scope, ...this.#resources };
  }

  private grant(grantee: IGrantable, statements: readonly PolicyStatement[]): void {
    for (const statement of statements) {
      grantee.grantPrincipal.addToPrincipalPolicy(statement);
    }
    if (Construct.isConstruct(grantee)) acknowledgeStatements(grantee, statements);
  }

  private policy(name: string, statements: readonly PolicyStatement[]): ManagedPolicy {
    const { region } = Stack.of(this);
    const made = new ManagedPolicy(this, `${name}Policy`, {
      // IAM has one list of names for all regions.
      managedPolicyName: `drover-${this.cluster}-bundle-${name.toLowerCase()}-${region}`,
      statements: [...statements],
    });
    acknowledgeStatements(made, statements);
    return made;
  }

  private makeKey(removalPolicy: RemovalPolicy): Key {
    return new Key(this, "Key", {
      keySpec: KeySpec.ECC_NIST_P256,
      keyUsage: KeyUsage.SIGN_VERIFY,
      description: `Signs the bundles of the Drover cluster ${this.cluster}`,
      removalPolicy,
    });
  }
}
