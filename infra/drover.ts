import { Lazy, RemovalPolicy, Token, Tokenization } from "aws-cdk-lib";
import type { IAutoScalingGroup } from "aws-cdk-lib/aws-autoscaling";
import { Connections, type IConnectable, SecurityGroup } from "aws-cdk-lib/aws-ec2";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import { StringParameter } from "aws-cdk-lib/aws-ssm";
import type { StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import { Construct, DependencyGroup } from "constructs";
import { RetireNode } from "../stepfunctions/retire-node.ts";
import { checkDrover } from "./check-drover.ts";
import { checkPool } from "./check-pool.ts";
import { claimCluster, claimGroup, otherDrover, poolOf } from "./claims.ts";
import type { DroverProps, PoolProps } from "./drover-props.ts";
import { equipMachine, functionsOf, type LogProps, machineLog } from "./equip-machine.ts";
import { Examination } from "./examination.ts";
import { functionCode } from "./function-code.ts";
import { IntakeRule } from "./intake-rule.ts";
import { ManagedPool, ownedGroup } from "./managed-pool.ts";
import { retireMachineName, stopParameterName } from "./names.ts";
import { checkPoolBundles, equipTemplates } from "./pool-bundles.ts";
import { Problems } from "./problems.ts";
import { Reconciliation } from "./reconciliation.ts";
import { RetireAlarms } from "./retire-alarms.ts";
import { StateTable } from "./state-table.ts";
import { TaskFunctions } from "./task-functions.ts";
import { retireTaskNames } from "./task-names.ts";

/**
 * Looks after the nodes of a Nomad cluster: instances that leave a managed
 * group are cordoned, drained, and forgotten before they end.
 *
 * ```ts
 * const drover = new Drover(stack, "Drover", {
 *   nomad: { address: "https://nomad.internal:4646", token },
 *   vpc,
 * });
 * drover.manage(workers, { pool: "workers" });
 * ```
 */
export class Drover extends Construct implements IConnectable {
  readonly cluster: string;
  /** Its functions' security groups: Nomad and Consul have to let them in. */
  readonly connections: Connections;
  /** Retires one instance; a person may start it, with `{"instanceId": "i-…"}`. */
  readonly retireNode: StateMachine;
  /** Checks the deployment, and changes nothing; a person may start it, with `{}`. */
  readonly doctor: StateMachine;
  /** Repairs what was left behind; a person may start it, with `{}` to see and `{"mode": "repair"}`. */
  readonly reconcile: StateMachine;
  /** Where the alarms go. */
  readonly alarmTopic: ITopic;
  /** Events that could not be handled. */
  readonly deadLetters: IQueue;

  readonly #slots: number | undefined;
  readonly #needed: DependencyGroup;
  readonly #pools = new Map<
    string,
    { readonly group: IAutoScalingGroup; readonly slots: number }
  >();

  /** @throws Error that tells all that is wrong with the properties */
  constructor(scope: Construct, id: string, props: DroverProps) {
    super(scope, id);
    const problems = new Problems();
    this.cluster = props.cluster ?? "default";
    checkDrover(props, problems);
    const other = otherDrover(this, this.cluster);
    if (other) {
      problems.add(
        "cluster",
        this.cluster,
        `${other.node.path} is this cluster already: give each Drover of an account and region a name of its own`,
      );
    }
    problems.throwIfAny(`Drover ${this.node.path}`);

    const { cluster } = this;
    const { logRetention = RetentionDays.THREE_MONTHS, removalPolicy = RemovalPolicy.DESTROY } =
      props;
    const securityGroups = props.securityGroups ?? [
      new SecurityGroup(this, "SecurityGroup", {
        vpc: props.vpc,
        description: `Functions of the Drover cluster ${cluster}`,
      }),
    ];
    this.connections = new Connections({ securityGroups });
    this.#slots = props.slots;

    const { table } = new StateTable(this, "State", { removalPolicy });
    const stop = new StringParameter(this, "Stop", {
      // As the name begins with a slash.
      simpleName: false,
      parameterName: stopParameterName(cluster),
      description: `"stop" makes the Drover cluster ${cluster} hold still, "go" lets it go on`,
      stringValue: "go",
      allowedPattern: "^(go|stop)$",
    });
    const functions = new TaskFunctions(this, "Tasks", {
      cluster,
      nomad: props.nomad,
      consul: props.consul,
      network: { vpc: props.vpc, vpcSubnets: props.vpcSubnets, securityGroups },
      table,
      slots: this.clusterSlots(),
      code: props.code ?? functionCode,
      logRetention,
      removalPolicy,
    });
    const pinVersions = props.pinVersions ?? true;
    const log = { logRetention, removalPolicy };
    const retire = this.retireMachine(functions, pinVersions, log);
    this.retireNode = retire.stateMachine;
    const intakeFunction = functions.get("intake/intake");
    const intake = new IntakeRule(this, "Intake", { cluster, intake: intakeFunction });
    this.deadLetters = intake.deadLetters;
    const runbookUrl = props.runbookUrl ?? "docs/operate.md";
    this.alarmTopic = new RetireAlarms(this, "Alarms", {
      cluster,
      stateMachine: this.retireNode,
      deadLetters: intake.deadLetters,
      consul: props.consul !== undefined,
      topic: props.alarmTopic,
      runbookUrl,
    }).topic;
    this.doctor = new Examination(this, "Examination", {
      cluster,
      functions,
      pinVersions,
      log,
      deadLetters: intake.deadLetters,
      topic: this.alarmTopic,
      runbookUrl,
    }).doctor;
    const reconciliation = new Reconciliation(this, "Reconciliation", {
      cluster,
      functions,
      pinVersions,
      log,
      topic: this.alarmTopic,
      runbookUrl,
    });
    this.reconcile = reconciliation.reconcile;
    // What these refer to (functions, roles, logs, the table) is deleted after them anyway.
    this.#needed = new DependencyGroup(stop, retire, intake, intakeFunction, reconciliation);
    claimCluster(this, cluster);
  }

  /**
   * Makes a group a pool of this Drover: instances that leave it are retired.
   *
   * A group that the same app makes gets its hook, its tags and its policies in
   * its own resource. One that is imported gets a hook beside it, and keeps its
   * tags to whoever makes it: CloudFormation cannot tag it, so give it the tags
   * `drover:cluster` and `drover:pool` there (neither needs to be propagated to
   * its instances), or by `aws autoscaling create-or-update-tags`. Until it has
   * them, Drover is not allowed to act on it.
   *
   * @throws Error that tells all that is wrong with the properties
   */
  manage(group: IAutoScalingGroup, props: PoolProps): void {
    const problems = new Problems();
    const owned = ownedGroup(group);
    const slots = Token.isUnresolved(this.#slots) ? undefined : this.#slots;
    const checked = checkPool(props, owned !== undefined, slots, problems);
    const { pool, bundles } = props;
    const equipped = bundles && checkPoolBundles(bundles, pool, this.cluster, owned, problems);
    const other = this.#pools.get(pool);
    if (other) {
      problems.add(
        "pool",
        pool,
        `${other.group.node.path} is this pool already: give another name`,
      );
    }
    const known = [...this.#pools].map(([name, { group }]) => [name, group] as const);
    const before = poolOf(group, known);
    if (before !== undefined) {
      problems.add(
        "group",
        group.node.path,
        `it is the pool "${before}" already, and an instance can have one pool only: leave one of the two calls out`,
      );
    }
    problems.throwIfAny(`${this.node.path}: the pool of ${group.node.path}`);

    this.#pools.set(pool, { group, slots: checked.settings.slots });
    claimGroup(group, pool);
    if (equipped) equipTemplates(equipped, pool, bundles);
    new ManagedPool(this, `Pool-${pool}`, {
      ...checked,
      cluster: this.cluster,
      pool,
      group,
      needed: this.#needed,
    });
  }

  private retireMachine(functions: TaskFunctions, pinVersions: boolean, log: LogProps): RetireNode {
    const name = retireMachineName(this.cluster);
    const retire = new RetireNode(this, "RetireNode", {
      stateMachineName: name,
      functions: functionsOf(functions, pinVersions),
      logGroup: machineLog(this, "RetireNodeLog", name, log),
    });
    equipMachine(retire.stateMachine, functions, retireTaskNames, pinVersions);
    return retire;
  }

  /** Known when all pools are. */
  private clusterSlots(): string {
    return Lazy.string({
      produce: () =>
        Tokenization.stringifyNumber(
          this.#slots ?? Math.max(1, ...[...this.#pools.values()].map(({ slots }) => slots)),
        ),
    });
  }
}
