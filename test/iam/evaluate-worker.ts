import { workerData } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import { runSimulation } from "@cloud-copilot/iam-simulate";
import type { Question, Verdict } from "./evaluate.ts";

const { port, signal } = workerData as {
  readonly port: MessagePort;
  readonly signal: Int32Array;
};

const evaluate = async (question: Question): Promise<Verdict> => {
  const results = await runSimulation(
    {
      request: {
        principal: question.principal,
        action: question.action,
        resource: { resource: question.resource, accountId: question.account },
        contextVariables: { ...question.context },
      },
      identityPolicies: question.policies.map((policy, index) => ({ name: `${index}`, policy })),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      ...(question.resourcePolicy !== undefined && { resourcePolicy: question.resourcePolicy }),
    },
    {},
  );
  if (results.resultType === "error") return { error: JSON.stringify(results.errors) };
  const each = results.resultType === "single" ? [results.result] : results.results;
  const ignored = each.flatMap(({ ignoredContextKeys }) => ignoredContextKeys ?? []);
  // What is dropped silently would make a condition on it mean something else.
  if (ignored.length > 0) return { error: `context keys do not apply: ${ignored.join(", ")}` };
  return { result: results.overallResult };
};

port.on("message", (question: Question) => {
  const answer = async () => {
    let verdict: Verdict;
    try {
      verdict = await evaluate(question);
    } catch (error) {
      verdict = { error: String(error) };
    }
    port.postMessage(verdict);
    Atomics.store(signal, 0, 1);
    Atomics.notify(signal, 0);
  };
  void answer();
});
