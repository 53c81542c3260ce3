import type { ClusterFailure } from "../../clients/cluster-api.ts";
import type { NodeStub } from "../../clients/nomad.ts";
import type { Node, Retirement } from "../retirement.ts";
import { growingWaitSeconds, isHookRunningOut, withinHook } from "./deadlines.ts";

/** What was seen when the node of an instance was looked for. */
export type Sighting =
  | { readonly kind: "failure"; readonly failure: ClusterFailure }
  /** The token may do too little; `missing` in the words of the policy language. */
  | { readonly kind: "weak token"; readonly missing: readonly string[] }
  | { readonly kind: "none"; readonly knowsAnyInstance: boolean }
  | {
      readonly kind: "found";
      readonly nodes: readonly NodeStub[];
      /** The chosen one (`chooseNode`). */
      readonly node: NodeStub;
      readonly member: string | undefined;
      /** Why the machine is a server of Nomad, Consul or Vault; undefined when it is not. */
      readonly server: string | undefined;
    };

/**
 * Of several nodes with one instance id (a new data directory makes a new node)
 * the live one.
 */
export const chooseNode = (nodes: readonly NodeStub[]): NodeStub | undefined => {
  const rank = { ready: 0, initializing: 1, disconnected: 2, down: 3 };
  return nodes.toSorted((a, b) => rank[a.Status] - rank[b.Status])[0];
};

type Known = Pick<Retirement, "since" | "hook" | "settings"> & { readonly node?: Node | undefined };

/**
 * The bounds of the pause between two looks, in seconds. With its jitter it
 * stays below the five minutes in which the alarms want to hear of an outage.
 */
const pause = { least: 15, most: 200 };

/**
 * What *find node* answers, and what follows from it.
 *
 * An outage decides no hook before its global limit; what has not registered
 * yet gets its time to join; a server is refused by every job.
 *
 * @param now - milliseconds since the Unix epoch
 */
export const judgeNode = (
  sighting: Sighting,
  known: Known,
  now: number,
  random: () => number,
): Node => {
  const answer = (
    answer: Node["answer"],
    next: Node["next"],
    explanation: string,
    more: Partial<Node> = {},
  ): Node => {
    const since = known.node?.answer === answer ? known.node.since : new Date(now).toISOString();
    // What was known before stays: Consul has to forget the member also when Nomad
    // has lost the node meanwhile.
    const { id, name, member } = known.node ?? {};
    const before = { ...(id && { id }), ...(name && { name }), ...(member && { member }) };
    return { answer, next, explanation, waitSeconds: 0, since, ...before, ...more };
  };
  const lookAgain = (
    which: Node["answer"],
    explanation: string,
    more: Partial<Node> = {},
  ): Node => {
    if (isHookRunningOut(known.hook, now)) {
      return answer(which, "give-up", `${explanation} The hook lives no longer.`, more);
    }
    const found = answer(which, "look-again", explanation, more);
    const waited = (now - Date.parse(found.since)) / 1000;
    const seconds = growingWaitSeconds(waited, pause, random);
    return { ...found, waitSeconds: withinHook(seconds, known.hook, now) };
  };

  switch (sighting.kind) {
    case "failure": {
      const { failure } = sighting;
      return failure.kind === "refused"
        ? lookAgain("refused", `${failure.service} refuses the token: ${failure.text}`)
        : lookAgain("unreachable", `${failure.message}.`);
    }
    case "weak token":
      return lookAgain(
        "refused",
        `The Nomad token would see busy nodes as empty; its policy lacks ${sighting.missing.join(" and ")}.`,
      );
    case "none": {
      if (!sighting.knowsAnyInstance) {
        return lookAgain(
          "unreachable",
          "Nomad knows no EC2 instance at all: address or region are probably wrong.",
        );
      }
      const age = (now - Date.parse(known.since)) / 1000;
      const grace = known.settings.joinGraceSeconds;
      return age < grace
        ? lookAgain("unregistered", `No node yet; it has ${Math.ceil(grace - age)} s left to join.`)
        : answer("unregistered", "complete", `No node joined within ${grace} s.`);
    }
    case "found": {
      const { node, nodes, member, server } = sighting;
      const details = { id: node.ID, name: node.Name, ...(member && { member }) };
      if (server) {
        return answer(
          "server",
          "refuse",
          `This machine is a server, which Drover never retires: ${server}.`,
          details,
        );
      }
      if (node.Status === "down") {
        return answer(
          "down",
          "complete",
          `Node ${node.Name} is down: there is nothing to drain.`,
          details,
        );
      }
      const which = nodes.length > 1 ? "ambiguous" : "registered";
      const explanation =
        nodes.length > 1
          ? `${nodes.length} nodes have this instance id; ${node.ID} is the live one.`
          : `Node ${node.Name} is ${node.Status}.`;
      // Back from a step that could not be done although the node was found. Without
      // a pause this would turn without a heartbeat, until the history is full.
      if (known.node?.next === "retire") {
        return lookAgain(which, `${explanation} What followed failed and is begun again.`, details);
      }
      // Whoever has stopped Drover while it waited was not heard since.
      return known.node?.next === "look-again"
        ? answer(which, "begin-again", `${explanation} Whether it may go on is read anew.`, details)
        : answer(which, "retire", explanation, details);
    }
  }
};
