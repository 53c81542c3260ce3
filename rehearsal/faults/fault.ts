import type { Reach } from "../coverage/matrix.ts";
import type { Instance } from "../emulators/auto-scaling/state.ts";
import type { LambdaFailure } from "../engine/lambda-failure.ts";
import type { FunctionSpec, Subject } from "../engine/containers.ts";
import type { Excuse } from "../invariants/evidence.ts";
import type { Random } from "../random.ts";
import type { Person } from "../scenarios/person.ts";
import type { World } from "../world.ts";
import type { EmulatedPark } from "../world/emulated-park.ts";
import type { OutgoingCall } from "../world/ledger.ts";

/**
 * One thing that goes wrong once: plain data, so that it can be drawn, written
 * down, shortened and repeated. What it means lies in the fault that it names.
 */
export interface Occurrence {
  readonly fault: string;
  /** Milliseconds after the scale-in has begun, from which on it can strike. */
  readonly at: number;
  /** A state: it strikes from the moment on in which an execution comes to it after `at`. */
  readonly state?: string;
  /** For how many milliseconds. Absent: for a moment, or until its calls have come. */
  readonly lasts?: number;
  readonly calls?: CallRange;
  /** Which of the instances that leave, by their order; counted round and round. */
  readonly instance?: number;
  /** Which part of what it could strike, from 0 to 1. @default 1 */
  readonly share?: number;
  /** One of the ways that the fault has. */
  readonly how?: string;
}

/** Some calls on the wire, counted from the time of the occurrence on. */
export interface CallRange {
  /** What is counted: an operation, a task, or a Task state by its name; absent: any call. */
  readonly of?: string;
  /** The first that is struck; 1 is the first that comes. */
  readonly nth: number;
  /** How many are struck. @default 1 */
  readonly times?: number;
}

/** All that goes wrong in one rehearsal. */
export type Schedule = readonly Occurrence[];

/** Where faults strike. */
export interface Scene {
  readonly world: World;
  readonly park: EmulatedPark;
  readonly person: Person;
  /** Of this occurrence alone: the same data does the same. */
  readonly random: Random;
  /** Enters into the report that it has struck. */
  readonly struck: (what?: string) => void;
  /** Notes whom it has met: so it is known in which states of executions it struck. */
  readonly met: (subject: Subject) => void;
  /** Says that an invariant need not hold for an instance, whatever else happens. */
  readonly excuse: (excuse: Excuse) => void;
  /** The instance whose execution came to the state that the occurrence waited for. */
  readonly instanceId?: string | undefined;
  /** Instances that are on their way out, or gone, in the order in which they left. */
  readonly leaving: () => readonly Instance[];
  /** The rest of the managed group. */
  readonly staying: () => readonly Instance[];
  /** Has Lambda refuse calls. @returns has it take them again */
  readonly refuseCalls: (
    refuse: (spec: FunctionSpec, subject: Subject) => LambdaFailure | undefined,
  ) => () => void;
}

/** One way in which the world goes wrong. */
export interface Fault {
  readonly name: string;
  /** What goes wrong, in a person's words. */
  readonly what: string;
  /** In which states of an execution it can strike at all. */
  readonly reach: Reach;
  /** Draws an occurrence. */
  readonly draw: (random: Random) => Omit<Occurrence, "fault">;
  /** Is called at its time. @throws nothing: what cannot go wrong here just does not strike */
  readonly strike: (scene: Scene, occurrence: Occurrence) => void | Promise<void>;
}

type CountedCall = Pick<OutgoingCall, "operation" | "task" | "subject">;

const matches = ({ of }: CallRange, { operation, task, subject }: CountedCall): boolean =>
  of === undefined || of === operation || of === task || of === subject.state;

/** Counts calls; says of each whether it is one that is struck. */
export const countCalls = (range: CallRange): ((call: CountedCall) => boolean) => {
  const last = range.nth + (range.times ?? 1) - 1;
  let seen = 0;
  return (call) => {
    if (!matches(range, call)) return false;
    seen += 1;
    return seen >= range.nth && seen <= last;
  };
};
