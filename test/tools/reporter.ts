import { inspect } from "node:util";
import type { TestEvent } from "node:test/reporters";

/** One test, as the runner reads it: a line of JSON for each. */
export interface TestLine {
  /** The names of its suites, and its own. */
  readonly path: readonly string[];
  readonly result: "passed" | "failed" | "skipped";
  /** The error, or the reason. */
  readonly details?: string;
}

/** Suites fail because of their tests, which are counted themselves; only their hooks count. */
const isOfItself = (failureType: unknown): boolean => failureType !== "subtestsFailed";

/** A reporter for Node's test runner that says only what counts. */
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const names: string[] = [];
  for await (const { type, data } of events) {
    if (type === "test:start") names[data.nesting] = data.name;
    if (type !== "test:pass" && type !== "test:fail") continue;
    const line = describe(type, data, [...names.slice(0, data.nesting), data.name]);
    if (line) yield `${JSON.stringify(line)}\n`;
  }
}

type Finished = Extract<TestEvent, { type: "test:pass" | "test:fail" }>;

const describe = (
  type: Finished["type"],
  data: Finished["data"],
  path: readonly string[],
): TestLine | undefined => {
  const postponed = data.skip ?? data.todo;
  if (postponed !== undefined && postponed !== false) {
    const reason = typeof postponed === "string" ? postponed : "without a reason";
    return { path, result: "skipped", details: reason };
  }
  if (type === "test:pass") {
    return data.details.type === "suite" ? undefined : { path, result: "passed" };
  }
  const { error } = data.details as { error?: Error & { failureType?: string } };
  if (!isOfItself(error?.failureType)) return undefined;
  return { path, result: "failed", details: inspect(error?.cause ?? error, { depth: 6 }) };
};
