import type { Clock } from "../../lambdas/runtime/clock.ts";
import { type Bus, type BusEvent, NotPermitted } from "../emulators/event-bridge/bus.ts";
import type { StepFunctions } from "../emulators/step-functions.ts";
import { invokeAsync } from "../engine/async-invoke.ts";
import type { Containers, Subject } from "../engine/containers.ts";
import type { Authorise } from "./authorisation.ts";
import type { Stack } from "./stack.ts";

/** Whom a call of a function is about, as far as its event says it. */
const subjectOf = (event: unknown): Subject => {
  const detail = (event as { readonly detail?: Readonly<Record<string, unknown>> } | null)?.detail;
  const instanceId = detail?.["EC2InstanceId"] ?? detail?.["instance-id"];
  return typeof instanceId === "string" ? { instanceId } : {};
};

/**
 * Puts the rules of a stack onto a bus: events go to functions and state machines, as far as
 * they may be delivered there.
 */
export const deliverEvents = ({
  stack,
  bus,
  clock,
  stepFunctions,
  containers,
  authorise,
  deadLetter,
}: {
  readonly stack: Stack;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly stepFunctions: Pick<StepFunctions, "startFor">;
  readonly containers: Pick<Containers, "invoke">;
  readonly authorise: Authorise | undefined;
  /** Is told of an event that nobody could handle. */
  readonly deadLetter: (event: BusEvent, error: unknown) => void;
}): { /** Calls of functions that nobody waits for. */ readonly queued: () => number } => {
  let queued = 0;
  const deliverTo = (arn: string) => {
    if (stack.stateMachines.some((machine) => machine.arn === arn))
      return (event: unknown): void => void stepFunctions.startFor(arn, event);
    const spec = stack.functions.find((each) => each.arn === arn);
    if (spec === undefined) throw new Error(`nothing in this world can be the target ${arn}`);
    const config = stack.asyncConfigs.find((each) => each.functionName === spec.name);
    return (given: unknown): void => {
      const event = given as BusEvent;
      queued += 1;
      const giveUp = (error: unknown) => {
        const denial = authorise?.ofService({ kind: "fail", task: spec.task });
        if (denial === undefined) deadLetter(event, error);
      };
      void invokeAsync({
        clock,
        maximumRetryAttempts: config?.maximumRetryAttempts ?? 2,
        maximumEventAgeSeconds: config?.maximumEventAgeSeconds ?? 21_600,
        invoke: () => containers.invoke(arn, event, subjectOf(event)),
        giveUp,
      }).finally(() => (queued -= 1));
    };
  };
  /** @throws NotPermitted, which no further attempt changes */
  const deliverAs = (rule: string, arn: string) => {
    const deliver = deliverTo(arn);
    return (given: unknown): void => {
      const denial = authorise?.ofService({ kind: "deliver", rule, targetArn: arn });
      if (denial !== undefined) throw new NotPermitted(denial);
      deliver(given);
    };
  };
  for (const { name, pattern, everyMinutes, targets } of stack.rules)
    bus.addRule({
      name,
      pattern,
      everyMinutes,
      targets: targets.map(({ arn, ...target }) => ({
        ...target,
        deliver: deliverAs(name, arn),
        deadLetter: (event, error) => {
          const denial = authorise?.ofService({ kind: "give up", rule: name, targetArn: arn });
          if (denial === undefined) deadLetter(event, error);
        },
      })),
    });

  return { queued: () => queued };
};
