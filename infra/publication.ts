import { Duration, type RemovalPolicy } from "aws-cdk-lib";
import { Rule, RuleTargetInput, Schedule } from "aws-cdk-lib/aws-events";
import { SfnStateMachine } from "aws-cdk-lib/aws-events-targets";
import type { Function as LambdaFunction, IFunction } from "aws-cdk-lib/aws-lambda";
import type { RetentionDays } from "aws-cdk-lib/aws-logs";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { StateMachine } from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import { PublishBundle } from "../stepfunctions/publish-bundle.ts";
import type { PublishTask } from "../stepfunctions/tasks.ts";
import { addAlarms, alarmPeriod as period } from "./add-alarms.ts";
import { equipMachine, functionsOf, machineLog } from "./equip-machine.ts";
import type { FunctionCode } from "./function-code.ts";
import { publishMachineName } from "./names.ts";
import { publishPolicy, type PublishResources } from "./publish-grants.ts";
import { constructId, TaskFunction } from "./task-function.ts";
import { publishTaskNames } from "./task-names.ts";

export interface PublicationProps extends PublishResources {
  readonly cluster: string;
  readonly bucketName: string;
  readonly keep: { readonly bundles: number; readonly days: number };
  readonly code: FunctionCode;
  readonly pinVersions: boolean;
  readonly topic: ITopic;
  readonly runbookUrl: string;
  readonly logRetention: RetentionDays;
  /** Of the logs. */
  readonly removalPolicy: RemovalPolicy;
}

/**
 * What moves channels from the console, and removes old bundles each day.
 *
 * EventBridge starts a run itself, and may do so twice: to remove what is removed is nothing.
 */
export class Publication extends Construct {
  readonly stateMachine: StateMachine;
  readonly #functions = new Map<PublishTask, LambdaFunction>();

  constructor(scope: Construct, id: string, props: PublicationProps) {
    super(scope, id);
    const { cluster, keep, pinVersions, logRetention, removalPolicy } = props;
    const store = {
      DROVER_CLUSTER: cluster,
      DROVER_BUNDLE_BUCKET: props.bucketName,
      DROVER_BUNDLE_KEY: props.key,
      DROVER_BUNDLE_TRUSTED_KEYS: props.trustedKeys.join(" "),
    };
    const retention = {
      DROVER_KEEP_BUNDLES: String(keep.bundles),
      DROVER_KEEP_DAYS: String(keep.days),
    };
    for (const task of publishTaskNames) {
      const made = new TaskFunction(this, constructId(task), {
        task,
        code: props.code(task),
        description: `Drover ${cluster}: ${task}`,
        environment: { ...store, ...(task === "config/prune-bundles" && retention) },
        policy: publishPolicy(task, props),
        logRetention,
        removalPolicy,
      });
      this.#functions.set(task, made.function);
    }

    const name = publishMachineName(cluster);
    this.stateMachine = new PublishBundle(this, "PublishBundle", {
      stateMachineName: name,
      functions: functionsOf<PublishTask>(this, pinVersions),
      logGroup: machineLog(this, "Log", name, { logRetention, removalPolicy }),
    }).stateMachine;
    equipMachine<PublishTask>(this.stateMachine, this, publishTaskNames, pinVersions);

    new Rule(this, "Prune", {
      description: `Removes old bundles of the Drover cluster ${cluster}`,
      schedule: Schedule.rate(Duration.days(1)),
      targets: [
        new SfnStateMachine(this.stateMachine, {
          input: RuleTargetInput.fromObject({ action: "prune" }),
          // Tomorrow's run is as good.
          maxEventAge: Duration.hours(1),
          retryAttempts: 10,
        }),
      ],
    });
    addAlarms(this, props.topic, props.runbookUrl, [
      {
        slug: "publish-bundle-failed",
        what: "A run of publish-bundle failed: a channel was not moved, or old bundles were not removed.",
        metric: this.stateMachine.metricFailed({ statistic: "Sum", period }),
      },
    ]);
  }

  get(task: PublishTask): LambdaFunction {
    const made = this.#functions.get(task);
    if (!made) throw new Error(`there is no function for the task ${task}`);
    return made;
  }

  /** A version of the function, so that a deploy changes nothing under a running execution. */
  version(task: PublishTask): IFunction {
    return this.get(task).currentVersion;
  }
}
