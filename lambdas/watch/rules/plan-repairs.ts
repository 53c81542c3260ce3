import type { InstanceWord } from "../../clients/ec2.ts";
import type { Ownership } from "../../clients/records.ts";
import type { LookAtCluster, Mark, MarkSeen, Plan, ToForget } from "../reconciliation.ts";

/**
 * So many instances are forgotten in one run. More at once are more likely a
 * wrong setting, or a wrong answer, than as many accidents.
 */
export const mostToForget = 10;

export interface Looks {
  readonly marks: readonly Mark[];
  readonly cluster: Pick<LookAtCluster, "down" | "marks">;
  /** Our records of the instances of down nodes. */
  readonly recordOf: ReadonlyMap<string, Ownership>;
}

export interface Circumstances {
  /** What EC2 says; an instance that is missing here is one of which it said nothing. */
  readonly words: ReadonlyMap<string, InstanceWord>;
  readonly stopped: boolean;
  /** Pools in which Drover only watches. */
  readonly observed: ReadonlySet<string>;
  readonly cap?: number;
}

interface Candidate extends ToForget {
  readonly pool: string;
}

/** Ended by EC2's word: nothing of it comes back. */
const hasEnded = (word: InstanceWord): boolean => word === "terminated" || word === "not found";
const isEnding = (word: InstanceWord): boolean => word === "shutting-down";

/**
 * What is remembered of instances that may have ended and that our own records
 * name. Nobody else's node is ever among them.
 */
export const findRemembered = ({ marks, cluster, recordOf }: Looks): Candidate[] => {
  const marked = new Map(marks.map((mark) => [mark.instanceId, mark]));
  const ofNomad = cluster.down.flatMap((node): Candidate[] => {
    const { instanceId, nodeId, member, server } = node;
    const record = recordOf.get(instanceId);
    const mark = marked.get(instanceId);
    if (!record || server !== undefined) return [];
    // Its own execution sees to it.
    if (record.phase === "retiring" && mark?.execution !== record.execution) return [];
    if (mark?.where === "staying") return [];
    const { execution, pool } = record;
    const name = member ?? mark?.member;
    const why = `Nomad still remembers the node ${node.name}, which is down.`;
    const known = {
      ...(name && { member: name }),
      ...(mark?.volumes && { volumes: mark.volumes }),
    };
    return [{ instanceId, execution, pool, nodeId, ...known, why }];
  });
  const found = new Set(ofNomad.map(({ instanceId }) => instanceId));
  const ofConsul = cluster.marks.flatMap((seen): Candidate[] => {
    const { instanceId, member } = seen;
    const mark = marked.get(instanceId);
    const isLeft = !seen.nodeId && seen.inConsul === true && seen.server === undefined;
    if (!mark || mark.where === "staying" || !isLeft || !member || found.has(instanceId)) return [];
    const why = `Consul still remembers the member ${member}.`;
    return [{ instanceId, execution: mark.execution, pool: mark.pool, member, why }];
  });
  return [...ofNomad, ...ofConsul];
};

const isAlive = ({ nodeId, status }: MarkSeen): boolean =>
  nodeId !== undefined && status !== "down";

/** Instances that EC2 has to be asked about: what is remembered, and what lives on without a group. */
export const findInQuestion = (looks: Looks): string[] => {
  const gone = new Set(
    looks.marks.flatMap(({ where, instanceId }) => (where === "gone" ? [instanceId] : [])),
  );
  return [
    ...findRemembered(looks).map(({ instanceId }) => instanceId),
    ...looks.cluster.marks
      .filter((seen) => gone.has(seen.instanceId) && isAlive(seen))
      .map(({ instanceId }) => instanceId),
  ];
};

/**
 * What is to be repaired in Nomad and Consul, and what is only told. A pure
 * function of what was seen: where a service said nothing, nothing is decided.
 */
export const planRepairs = (looks: Looks, circumstances: Circumstances): Plan => {
  const { words, stopped, observed, cap = mostToForget } = circumstances;
  const findings: string[] = [];
  const forget: ToForget[] = [];
  for (const { pool, ...candidate } of findRemembered(looks)) {
    const { instanceId, why } = candidate;
    const word = words.get(instanceId);
    if (word === undefined || isEnding(word)) continue;
    if (!hasEnded(word)) {
      findings.push(`${why} EC2 says that ${instanceId} is ${word}: it is left alone.`);
    } else if (observed.has(pool)) {
      findings.push(`${why} The pool ${pool} is only watched.`);
    } else forget.push({ ...candidate, why: `${why} EC2 says that ${instanceId} is ${word}.` });
  }

  const seenOf = new Map(looks.cluster.marks.map((seen) => [seen.instanceId, seen]));
  const giveBack: Plan["giveBack"] = [];
  const settle: Plan["settle"] = [];
  for (const mark of looks.marks) {
    const { instanceId, execution, where } = mark;
    const seen = seenOf.get(instanceId);
    if (!seen || observed.has(mark.pool)) continue;
    if (seen.server !== undefined) {
      findings.push(`${instanceId} is a server, and is left alone: ${seen.server}.`);
    } else if (where === "gone") {
      const isForgotten = !seen.nodeId && seen.inConsul === false;
      if (isForgotten) settle.push({ instanceId, execution, phase: "retired" });
      // A person has taken it out of its group, and knows what for.
      else if (isAlive(seen) && words.get(instanceId) === "running")
        findings.push(
          `${instanceId} is in no group any more and runs on, and its retirement is over. ${seen.why} Make its node eligible if it is to take work.`,
        );
    } else if (seen.status === "down") {
      // Either its agent comes back, or the instance goes: it is waited for.
      continue;
    } else if (!seen.nodeId || seen.cordon === "none" || seen.cordon === "theirs") {
      // What is somebody else's wish Drover has nothing to do with any more.
      settle.push({ instanceId, execution, phase: "failed" });
    } else if (seen.cordon === "ours") {
      giveBack.push({ mark, nodeId: seen.nodeId, why: seen.why });
    } else {
      findings.push(
        `${instanceId} stays in service and its node takes no work. ${seen.why} Make it eligible if nobody wants it so.`,
      );
    }
  }

  const capped = forget.length > cap ? forget.length : 0;
  if (capped > 0) {
    findings.push(
      `${capped} instances are to be forgotten, more than ${cap} at once: none is. ${forget[0]?.why}`,
    );
  }
  const nothing = { forget: [], giveBack: [], settle: [] };
  if (stopped) {
    findings.push("Drover is stopped: nothing is forgotten or given back.");
    return { next: "report", ...nothing, capped, findings, unknown: [] };
  }
  const some = { forget: capped > 0 ? [] : forget, giveBack, settle };
  const next = some.forget.length + giveBack.length > 0 ? "repair" : "report";
  return { next, ...some, capped, findings, unknown: [] };
};
