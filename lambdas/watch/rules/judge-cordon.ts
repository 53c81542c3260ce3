import type { NomadNode } from "../../clients/nomad.ts";
import { drainOwner } from "../../retire/drain-mark.ts";
import type { Mark } from "../reconciliation.ts";

type Seen = Pick<
  NomadNode,
  "SchedulingEligibility" | "DrainStrategy" | "LastDrain" | "Events" | "Meta"
>;

export interface CordonVerdict {
  /** `none`: the node takes work. `theirs`: it is somebody else's wish that it takes none. */
  readonly cordon: "none" | "ours" | "theirs" | "unclear";
  readonly why: string;
}

/** By which a person keeps Drover's hands off a node: set with `nomad node meta apply`. */
const holdMeta = "drover.hold";

/** Between the clock of a server and that of a function, in milliseconds. */
const clocksApart = 10_000;

const concernsEligibility = (message: string): boolean =>
  /^Node (marked as (in)?eligible|drain)/.test(message);

/**
 * Whether the node of an instance that stays in service is cordoned by us alone,
 * so that it may be given back. Nomad names nobody who makes a node ineligible:
 * our own record has to say that it was us, and nothing may have happened since.
 */
export const judgeCordon = (
  node: Seen,
  {
    cordonedAt,
    since,
    executions: own,
    isKnown,
  }: Pick<Mark, "cordonedAt" | "since" | "executions" | "isKnown">,
): CordonVerdict => {
  const theirs = (why: string): CordonVerdict => ({ cordon: "theirs", why });
  const unclear = (why: string): CordonVerdict => ({ cordon: "unclear", why });
  const ours = (why: string): CordonVerdict => ({ cordon: "ours", why });
  if (node.SchedulingEligibility === "eligible" && !node.DrainStrategy) {
    return { cordon: "none", why: "The node takes work." };
  }
  if (node.Meta?.[holdMeta] !== undefined) return theirs(`Its meta ${holdMeta} holds it.`);
  if (cordonedAt === undefined) {
    return isKnown
      ? theirs("It was not Drover who cordoned it.")
      : unclear("Nobody remembers whether it was Drover who cordoned it.");
  }
  const isOurDrain = own.includes(drainOwner(node.LastDrain) ?? "");
  if (node.DrainStrategy) {
    return isOurDrain ? ours("It drains for us.") : theirs("Somebody else drains it.");
  }
  const events = (node.Events ?? []).filter(({ Message }) => concernsEligibility(Message));
  const last = events.at(-1);
  if (!last) return unclear("Its events no longer say what was done to it.");
  if (last.Message.startsWith("Node drain")) {
    return isOurDrain && node.LastDrain?.Status === "complete"
      ? ours("We have drained it.")
      : theirs("Somebody else's hand was on its drain.");
  }
  const isLater = Date.parse(last.Timestamp) > Date.parse(cordonedAt) + clocksApart;
  // Ours is the only change since the retirement began: who let it work and cordoned it
  // anew has left more of them, who had cordoned it before none.
  const changes = events.filter(({ Timestamp }) => Date.parse(Timestamp) >= Date.parse(since));
  const isOther = last.Message !== "Node marked as ineligible for scheduling";
  return isLater || isOther || changes.length !== 1
    ? theirs("Its eligibility was changed by somebody else.")
    : ours("We have cordoned it.");
};
