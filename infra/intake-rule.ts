import { Duration } from "aws-cdk-lib";
import { Match, Rule } from "aws-cdk-lib/aws-events";
import { LambdaFunction as LambdaTarget } from "aws-cdk-lib/aws-events-targets";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { hookPrefix } from "../lambdas/retire/hook-names.ts";
import { acknowledge } from "./acknowledge.ts";

export interface IntakeRuleProps {
  readonly cluster: string;
  readonly intake: LambdaFunction;
}

/**
 * Later than this an event is of no use: the longest heartbeat of a hook is two
 * hours; what could not be handled by then goes to the dead letters.
 */
const maxEventAge = Duration.hours(6);

/**
 * From Auto Scaling's events to the function that starts retirements.
 *
 * ```
 * rule ──(retried for hours)──> Lambda's queue ──(tried three times)──> intake
 *   └──────── gave up ───────────────┴─── gave up ──> dead letters, with an alarm
 * ```
 *
 * Events are delivered at least once; intake makes one retirement of them.
 */
export class IntakeRule extends Construct {
  readonly rule: Rule;
  /** Events that could not be handled; `docs/operate.md` says what to do with them. */
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, props: IntakeRuleProps) {
    super(scope, id);
    const { cluster, intake } = props;
    const deadLetters = new Queue(this, "DeadLetters", {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    acknowledge(deadLetters, "AwsSolutions-SQS3", "It is itself the end of the line.");
    this.deadLetters = deadLetters;

    this.rule = new Rule(this, "Rule", {
      description: `Instances that leave a group of the Drover cluster ${cluster}`,
      eventPattern: {
        source: ["aws.autoscaling"],
        detailType: ["EC2 Instance-terminate Lifecycle Action"],
        detail: { LifecycleHookName: Match.prefix(hookPrefix(cluster)) },
      },
      targets: [
        new LambdaTarget(intake, {
          deadLetterQueue: deadLetters,
          maxEventAge,
          retryAttempts: 185,
        }),
      ],
    });

    intake.configureAsyncInvoke({
      maxEventAge,
      retryAttempts: 2,
      onFailure: {
        // The ready-made destination would allow more than sending.
        bind(_scope, { role }) {
          role?.addToPrincipalPolicy(
            new PolicyStatement({
              actions: ["sqs:SendMessage"],
              resources: [deadLetters.queueArn],
            }),
          );
          return { destination: deadLetters.queueArn };
        },
      },
    });
  }
}
