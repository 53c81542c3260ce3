import type { ExecutionFact, Invariant } from "./evidence.ts";

/** What several executions of one instance are told apart by. */
const nameOf = ({ arn }: ExecutionFact): string => arn.slice(arn.lastIndexOf(":") + 1);

const overlaps = (one: ExecutionFact, other: ExecutionFact): boolean =>
  one.calls !== undefined &&
  other.calls !== undefined &&
  one.calls.first < other.calls.last &&
  other.calls.first < one.calls.last;

/** At no time do two executions work on the same instance, whatever started them. */
export const oneOwner: Invariant = {
  name: "one-owner-an-instance",
  judge: ({ executions }) =>
    executions.flatMap((one, index) =>
      executions
        .slice(index + 1)
        .filter(
          (other) =>
            one.instanceId !== undefined &&
            other.instanceId === one.instanceId &&
            overlaps(one, other),
        )
        .map(
          (other) =>
            `${one.instanceId}: ${nameOf(one)} and ${nameOf(other)} worked on it at the same time`,
        ),
    ),
};
