import { Duration, Stack } from "aws-cdk-lib";
import { Metric } from "aws-cdk-lib/aws-cloudwatch";
import { Rule } from "aws-cdk-lib/aws-events";
import { SfnStateMachine } from "aws-cdk-lib/aws-events-targets";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import type { StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import type { MetricName } from "../lambdas/runtime/metrics.ts";
import { Doctor } from "../stepfunctions/doctor.ts";
import { addAlarms, alarmPeriod as period } from "./add-alarms.ts";
import { equipMachine, functionsOf, type LogProps, machineLog } from "./equip-machine.ts";
import { doctorMachineName, metricNamespace } from "./names.ts";
import type { TaskFunctions } from "./task-functions.ts";
import { doctorTaskNames } from "./task-names.ts";

export interface ExaminationProps {
  readonly cluster: string;
  readonly functions: TaskFunctions;
  readonly pinVersions: boolean;
  readonly log: LogProps;
  /** Takes the news of a deployment that could not be handed over. */
  readonly deadLetters: IQueue;
  readonly topic: ITopic;
  readonly runbookUrl: string;
}

/**
 * The doctor, what calls it after each deployment, and the alarms that tell
 * what it found.
 *
 * It is called by the event of the stack's end and not by a resource of the
 * stack: a finding must not roll back a deployment that may be its cure.
 */
export class Examination extends Construct {
  readonly doctor: StateMachine;

  constructor(scope: Construct, id: string, props: ExaminationProps) {
    super(scope, id);
    const { cluster, functions, pinVersions } = props;
    const name = doctorMachineName(cluster);
    this.doctor = new Doctor(this, "Doctor", {
      stateMachineName: name,
      functions: functionsOf(functions, pinVersions),
      logGroup: machineLog(this, "Log", name, props.log),
    }).stateMachine;
    equipMachine(this.doctor, functions, doctorTaskNames, pinVersions);

    new Rule(this, "Deployed", {
      description: `The stack of the Drover cluster ${cluster} has been deployed: check it`,
      eventPattern: {
        source: ["aws.cloudformation"],
        detailType: ["CloudFormation Stack Status Change"],
        detail: {
          "stack-id": [Stack.of(this).stackId],
          "status-details": { status: ["CREATE_COMPLETE", "UPDATE_COMPLETE"] },
        },
      },
      targets: [
        new SfnStateMachine(this.doctor, {
          deadLetterQueue: props.deadLetters,
          // Of a later deployment there is an event of its own.
          maxEventAge: Duration.hours(1),
          retryAttempts: 185,
        }),
      ],
    });

    const metricName: MetricName = "DoctorErrors";
    addAlarms(this, props.topic, props.runbookUrl, [
      {
        slug: "doctor",
        what: "The doctor found errors: instances may end undrained. The alarm stays until a later run finds none.",
        metric: new Metric({
          namespace: metricNamespace(cluster),
          metricName,
          statistic: "Maximum",
          period,
        }),
        // Nothing is reported until the next run.
        holds: true,
      },
      {
        slug: "doctor-failed",
        what: "The doctor itself failed: whether the deployment works is not known.",
        metric: this.doctor.metricFailed({ statistic: "Sum", period }),
      },
    ]);
  }
}
