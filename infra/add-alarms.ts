import { Duration } from "aws-cdk-lib";
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  TreatMissingData,
} from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { Construct } from "constructs";

/** Something that a person has to know of when it happens. */
export interface Watched {
  /** The heading of its entry in the runbook, and its anchor there. */
  readonly slug: string;
  readonly what: string;
  readonly metric: IMetric;
  /** In how many of how many periods it has to happen. @default - in one of one */
  readonly periods?: { readonly bad: number; readonly of: number };
  /** Whether the alarm stays as it is until the metric is reported again. @default false */
  readonly holds?: boolean;
}

/** Of every metric of an alarm. */
export const alarmPeriod = Duration.minutes(5);

/**
 * Makes alarms, each with a link to its entry in the runbook.
 *
 * @param runbookUrl - the page whose entries they link to
 * @returns the alarms by the anchor of their entry
 */
export const addAlarms = (
  scope: Construct,
  topic: ITopic,
  runbookUrl: string,
  watched: readonly Watched[],
): ReadonlyMap<string, Alarm> => {
  const action = new SnsAction(topic);
  return new Map(
    watched.map(({ slug, what, metric, periods = { bad: 1, of: 1 }, holds = false }) => {
      const alarm = new Alarm(scope, slug, {
        alarmDescription: `${what} What to do: ${runbookUrl}#${slug}`,
        metric,
        threshold: 1,
        datapointsToAlarm: periods.bad,
        evaluationPeriods: periods.of,
        comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        // Nothing is reported while nothing happens.
        treatMissingData: holds ? TreatMissingData.IGNORE : TreatMissingData.NOT_BREACHING,
      });
      alarm.addAlarmAction(action);
      alarm.addOkAction(action);
      return [slug, alarm];
    }),
  );
};
