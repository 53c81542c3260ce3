import { type Alarm, Metric } from "aws-cdk-lib/aws-cloudwatch";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import type { IStateMachine } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import type { MetricName } from "../lambdas/runtime/metrics.ts";
import { AlarmTopic } from "./alarm-topic.ts";
import { addAlarms, alarmPeriod as period, type Watched } from "./add-alarms.ts";
import { metricNamespace } from "./names.ts";

export interface RetireAlarmsProps {
  readonly cluster: string;
  readonly stateMachine: IStateMachine;
  readonly deadLetters: IQueue;
  /** Whether there is a Consul to be watched. */
  readonly consul: boolean;
  /** @default - a topic of its own */
  readonly topic?: ITopic | undefined;
  /** The page whose entries the alarms link to. */
  readonly runbookUrl: string;
}

/**
 * What a person has to know of. The alarms watch executions, not the errors of
 * functions: those are tried again, and mean nothing until that has failed too.
 */
export class RetireAlarms extends Construct {
  readonly topic: ITopic;
  /** By the anchor of their entry in the runbook. */
  readonly alarms: ReadonlyMap<string, Alarm>;

  constructor(scope: Construct, id: string, props: RetireAlarmsProps) {
    super(scope, id);
    this.topic = props.topic ?? new AlarmTopic(this, "Topic");
    this.alarms = addAlarms(this, this.topic, props.runbookUrl, watched(props));
  }
}

const watched = ({ cluster, stateMachine, deadLetters, consul }: RetireAlarmsProps): Watched[] => {
  const drover = (metricName: MetricName) =>
    new Metric({ namespace: metricNamespace(cluster), metricName, statistic: "Sum", period });
  // Best effort, and may be reported twice: only their sum can be relied on.
  const sum = { statistic: "Sum", period };
  /**
   * Long enough that a restart of a server or a change of leader passes
   * unnoticed. One period in four may be without a report: who waits for Nomad
   * asks again after up to six minutes.
   */
  const aWhile = { bad: 3, of: 4 };
  return [
    {
      slug: "retirements-failed",
      what: "A retirement failed: its instance may have gone without a drain.",
      metric: stateMachine.metricFailed(sum),
    },
    {
      slug: "retirements-timed-out",
      what: "A retirement took longer than four days and was ended.",
      metric: stateMachine.metricTimedOut(sum),
    },
    {
      slug: "retirements-aborted",
      what: "Somebody stopped a retirement: nothing it had taken was given back.",
      metric: stateMachine.metricAborted(sum),
    },
    {
      slug: "forced-drains",
      what: "A drain met its deadline: work was stopped before it had moved.",
      metric: drover("ForcedDrains"),
    },
    {
      slug: "hooks-expired",
      what: "A hook ended before Drover had decided it.",
      metric: drover("HooksExpired"),
    },
    {
      slug: "instances-retained",
      what: "An instance that could not be drained was kept, and costs money until a person ends it.",
      metric: drover("InstancesRetained"),
    },
    {
      slug: "dead-letters",
      what: "An event could not be handled: an instance may wait for its hook to expire.",
      metric: deadLetters.metricApproximateNumberOfMessagesVisible({
        statistic: "Maximum",
        period,
      }),
    },
    {
      slug: "servers-refused",
      what: "An instance was to be retired that is a server of Nomad, Consul or Vault.",
      metric: drover("ServersRefused"),
    },
    {
      slug: "settings-refused",
      what: "The settings of a pool are not right; retirements wait until they are mended.",
      metric: drover("SettingsRefused"),
    },
    ...(["Nomad", ...(consul ? (["Consul"] as const) : [])] as const).flatMap((service) => [
      {
        slug: `${service.toLowerCase()}-unreachable`,
        what: `${service} has not answered for 15 minutes; retirements wait for it.`,
        metric: drover(`${service}Unreachable`),
        periods: aWhile,
      },
      {
        slug: `${service.toLowerCase()}-refused`,
        what: `${service} has refused Drover's token for 15 minutes; retirements wait.`,
        metric: drover(`${service}Refused`),
        periods: aWhile,
      },
    ]),
  ];
};
