import { Duration } from "aws-cdk-lib";
import {
  Chain,
  DefinitionBody,
  LogLevel,
  StateMachine,
  StateMachineType,
} from "aws-cdk-lib/aws-stepfunctions";
import type { LogGroup } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { ClusterUnavailable } from "../lambdas/runtime/errors.ts";
import { CompleteHook } from "./retire/complete-hook.ts";
import { Drain } from "./retire/drain.ts";
import { FindNode } from "./retire/find-node.ts";
import { ForgetNode } from "./retire/forget-node.ts";
import { Recover } from "./retire/recover.ts";
import { TakeOwnership } from "./retire/take-ownership.ts";
import { TakeSlot } from "./retire/take-slot.ts";
import { patientRetries } from "./retry-policies.ts";
import { taskState } from "./task-state.ts";
import type { TaskFunctions } from "./tasks.ts";

export interface RetireNodeProps {
  /** Fixed, so that the functions can be told it without depending on the machine. */
  readonly stateMachineName: string;
  readonly functions: TaskFunctions;
  readonly logGroup: LogGroup;
}

/**
 * Retires one instance:
 *
 * ```
 * Take ownership → Find node → Cordon node → Take slot → Drain work → Drain system jobs
 *   → Complete hook → Await termination → Forget node → Look again → Record retirement
 * ```
 *
 * One execution handles one instance. Whatever goes wrong ends in *Recover*.
 * An execution that is stopped from outside runs no Catch: `reconcile` takes over
 * what it had begun, and gives back what it had taken.
 */
export class RetireNode extends Construct {
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, props: RetireNodeProps) {
    super(scope, id);
    const { functions } = props;
    const step = { functions, onError: new Recover(this, "Recovery", { functions }) };

    const record = taskState(this, "Record retirement", {
      ...step,
      task: "retire/record-retirement",
      comment: "Ends the ownership and writes the summary that becomes the execution's output.",
      resultPath: "$",
      retries: patientRetries,
    });
    const completeHook = new CompleteHook(this, "Completion", { ...step, kept: record });
    const takeOwnership = new TakeOwnership(this, "Ownership", step);
    const findNode = new FindNode(this, "Finding", {
      ...step,
      withoutDrain: completeHook,
      takeOwnership,
    });
    // What Nomad cannot do now is begun again from finding the node: that loop keeps
    // the hook alive, and everything after it can be done twice.
    const whenReachable = {
      ...step,
      catches: [{ errors: [ClusterUnavailable.errorName], next: findNode }],
    };
    const cordon = taskState(this, "Cordon node", {
      ...whenReachable,
      task: "retire/cordon-node",
      comment:
        "Makes the node ineligible at once: work that leaves another node must not land here. Counts who drains.",
      resultPath: "$.cordon",
    });
    const takeSlot = new TakeSlot(this, "Slot", whenReachable);
    const drainWork = new Drain(this, "Work", {
      ...whenReachable,
      pass: "work",
      names: {
        drain: "Drain work",
        isDrained: "Is the node drained?",
        keepAlive: "Keep hook alive during drain",
        wait: "Wait during drain",
      },
    });
    const drainSystem = new Drain(this, "System", {
      ...whenReachable,
      pass: "system",
      names: {
        drain: "Drain system jobs",
        isDrained: "Are the system jobs drained?",
        keepAlive: "Keep hook alive during system drain",
        wait: "Wait during system drain",
      },
    });
    const forgetNode = new ForgetNode(this, "Forgetting", step);

    Chain.start(takeOwnership)
      .next(findNode)
      .next(cordon)
      .next(takeSlot)
      .next(drainWork)
      .next(drainSystem)
      .next(completeHook)
      .next(forgetNode)
      .next(record);

    this.stateMachine = new StateMachine(this, "StateMachine", {
      stateMachineName: props.stateMachineName,
      stateMachineType: StateMachineType.STANDARD,
      comment: [
        "Drover: retires one instance (cordon, drain, complete the hook, forget).",
        'Started by events; by hand with {"instanceId": "i-0123456789abcdef0"}',
        'or {"instanceId": "i-0123456789abcdef0", "capacity": "shrink"}.',
      ].join(" "),
      definitionBody: DefinitionBody.fromChainable(takeOwnership),
      // A queue and a drain under a hook end within its 48 hours; a retirement by
      // hand has no hook, so it gets twice that.
      timeout: Duration.days(4),
      logs: { destination: props.logGroup, level: LogLevel.ERROR, includeExecutionData: true },
      tracingEnabled: false,
    });
  }
}
