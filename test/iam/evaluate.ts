import { join } from "node:path";
import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  Worker,
} from "node:worker_threads";

/** One question of IAM: may this principal do this to that? */
export interface Question {
  readonly principal: string;
  readonly account: string;
  readonly action: string;
  readonly resource: string;
  readonly context: Readonly<Record<string, string>>;
  /** Identity-based policies, resolved. */
  readonly policies: readonly unknown[];
  readonly resourcePolicy?: unknown;
}

export type Verdict =
  | { readonly result: "Allowed" | "ExplicitlyDenied" | "ImplicitlyDenied" }
  /** The question is none that IAM could answer: an action or a resource that there is not. */
  | { readonly error: string };

let open: { readonly port: MessagePort; readonly signal: Int32Array } | undefined;

/**
 * The evaluator is asynchronous and reads files. It runs in a thread, which is
 * waited for: an answer that came in a later turn than the one from the cache
 * would change the order of what happens at one moment of virtual time.
 */
const start = () => {
  const signal = new Int32Array(new SharedArrayBuffer(4));
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(join(import.meta.dirname, "evaluate-worker.ts"), {
    workerData: { port: port2, signal },
    transferList: [port2],
    execArgv: [],
  });
  worker.unref();
  port1.unref();
  return { port: port1, signal };
};

/** Real milliseconds; the first answer has to load the evaluator, maybe on a busy machine. */
const patience = 60_000;

const ask = (question: Question): Verdict => {
  open ??= start();
  const { port, signal } = open;
  Atomics.store(signal, 0, 0);
  port.postMessage(question);
  if (Atomics.wait(signal, 0, 0, patience) === "timed-out")
    throw new Error(`the evaluation of ${question.action} took longer than ${patience} ms`);
  const received = receiveMessageOnPort(port);
  if (received === undefined) throw new Error("the evaluator gave no answer");
  return received.message as Verdict;
};

const known = new Map<string, Verdict>();

/** @param policiesKey - stands for the policies: equal keys mean equal policies */
export const evaluate = (question: Question, policiesKey: string): Verdict => {
  const { principal, action, resource, context } = question;
  const key = [policiesKey, principal, action, resource, JSON.stringify(context)].join("\n");
  const verdict = known.get(key) ?? ask(question);
  known.set(key, verdict);
  return verdict;
};
