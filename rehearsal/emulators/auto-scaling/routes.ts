import type { LifecycleState, Place, Transition } from "./state.ts";
import { launching, terminating } from "./state.ts";

/** A way from one place to another, and the states on it. */
export interface Route {
  readonly transition: Transition;
  readonly origin: Place;
  readonly destination: Place;
  readonly begin: LifecycleState;
  readonly wait: LifecycleState;
  readonly proceed: LifecycleState;
}

/**
 * Every way that an instance can go.
 *
 * Source: Amazon EC2 Auto Scaling User Guide, "Amazon EC2 Auto Scaling instance
 * lifecycle", "Use lifecycle hooks with a warm pool in Auto Scaling group", and
 * "Warm pool example events and patterns" (a return to the pool runs the
 * termination hooks in the states of `Warmed:Pending`).
 */
export const routes = {
  launch: {
    transition: launching,
    origin: "EC2",
    destination: "AutoScalingGroup",
    begin: "Pending",
    wait: "Pending:Wait",
    proceed: "Pending:Proceed",
  },
  warmUp: {
    transition: launching,
    origin: "EC2",
    destination: "WarmPool",
    begin: "Warmed:Pending",
    wait: "Warmed:Pending:Wait",
    proceed: "Warmed:Pending:Proceed",
  },
  leavePool: {
    transition: launching,
    origin: "WarmPool",
    destination: "AutoScalingGroup",
    begin: "Pending",
    wait: "Pending:Wait",
    proceed: "Pending:Proceed",
  },
  returnToPool: {
    transition: terminating,
    origin: "AutoScalingGroup",
    destination: "WarmPool",
    begin: "Warmed:Pending",
    wait: "Warmed:Pending:Wait",
    proceed: "Warmed:Pending:Proceed",
  },
  terminate: {
    transition: terminating,
    origin: "AutoScalingGroup",
    destination: "EC2",
    begin: "Terminating",
    wait: "Terminating:Wait",
    proceed: "Terminating:Proceed",
  },
  terminateFromPool: {
    transition: terminating,
    origin: "WarmPool",
    destination: "EC2",
    begin: "Warmed:Terminating",
    wait: "Warmed:Terminating:Wait",
    proceed: "Warmed:Terminating:Proceed",
  },
} as const satisfies Readonly<Record<string, Route>>;
