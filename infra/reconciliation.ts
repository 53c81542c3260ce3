import { Duration } from "aws-cdk-lib";
import { Metric } from "aws-cdk-lib/aws-cloudwatch";
import { Rule, RuleTargetInput, Schedule } from "aws-cdk-lib/aws-events";
import { SfnStateMachine } from "aws-cdk-lib/aws-events-targets";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import type { MetricName } from "../lambdas/runtime/metrics.ts";
import { Reconcile } from "../stepfunctions/reconcile.ts";
import { addAlarms, alarmPeriod as period } from "./add-alarms.ts";
import { equipMachine, functionsOf, type LogProps, machineLog } from "./equip-machine.ts";
import { metricNamespace, reconcileMachineName } from "./names.ts";
import type { TaskFunctions } from "./task-functions.ts";
import { reconcileTaskNames } from "./task-names.ts";
import { retireMachineArn } from "./task-policy.ts";

export interface ReconciliationProps {
  readonly cluster: string;
  readonly functions: TaskFunctions;
  readonly pinVersions: boolean;
  readonly log: LogProps;
  readonly topic: ITopic;
  readonly runbookUrl: string;
}

/**
 * Often enough that an instance whose event was lost is found well within the
 * 1,728 seconds of its hook's heartbeat, also when one run is missed.
 */
const every = Duration.minutes(5);

/**
 * What repairs the rest of lost events and stopped executions, and what calls
 * it: a schedule, and each retirement that ended badly.
 *
 * EventBridge starts the state machine itself, and may do so twice: a lease in
 * the table lets one run at a time repair, and the others leave. Nothing is done
 * about an event that cannot be handed over: the next run comes anyway.
 */
export class Reconciliation extends Construct {
  readonly reconcile: StateMachine;

  constructor(scope: Construct, id: string, props: ReconciliationProps) {
    super(scope, id);
    const { cluster, functions, pinVersions } = props;
    const name = reconcileMachineName(cluster);
    this.reconcile = new Reconcile(this, "Reconcile", {
      stateMachineName: name,
      functions: functionsOf(functions, pinVersions),
      logGroup: machineLog(this, "Log", name, props.log),
    }).stateMachine;
    equipMachine(this.reconcile, functions, reconcileTaskNames, pinVersions);

    const target = new SfnStateMachine(this.reconcile, {
      input: RuleTargetInput.fromObject({ mode: "repair" }),
      // Later than that the next run is as good.
      maxEventAge: every,
      retryAttempts: 10,
    });
    new Rule(this, "Schedule", {
      description: `Repairs what was left behind in the Drover cluster ${cluster}`,
      schedule: Schedule.rate(every),
      targets: [target],
    });
    new Rule(this, "EndedBadly", {
      description: `A retirement of the Drover cluster ${cluster} ended badly: repairs what it left`,
      eventPattern: {
        source: ["aws.states"],
        detailType: ["Step Functions Execution Status Change"],
        detail: {
          stateMachineArn: [retireMachineArn(this, cluster)],
          status: ["FAILED", "TIMED_OUT", "ABORTED"],
        },
      },
      targets: [target],
    });

    const drover = (metricName: MetricName) =>
      new Metric({ namespace: metricNamespace(cluster), metricName, statistic: "Sum", period });
    addAlarms(this, props.topic, props.runbookUrl, [
      {
        slug: "reconciler-capped",
        what: "More instances were to be forgotten at once than is believable: none was.",
        metric: drover("ReconcilerCapped"),
      },
      {
        slug: "reconciler-failed",
        what: "The reconciler itself failed three times in 20 minutes: what is left behind stays.",
        metric: this.reconcile.metricFailed({ statistic: "Sum", period }),
        periods: { bad: 3, of: 4 },
      },
      {
        slug: "orphans-again",
        what: "Instances without an owner were found again and again: events do not arrive, or executions end badly.",
        metric: drover("ReconcilerOrphans"),
        periods: { bad: 3, of: 6 },
      },
      {
        slug: "reconciler-unknown",
        what: "The reconciler could not see a part of what it looks after for half an hour.",
        metric: drover("ReconcilerUnknowns"),
        periods: { bad: 6, of: 6 },
      },
    ]);
  }
}
