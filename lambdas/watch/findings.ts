import * as v from "valibot";

/**
 * What the doctor looks at, in the order of its report: what comes later can
 * hardly be right while what comes earlier is not.
 */
export const checks = [
  "checks",
  "stop",
  "groups",
  "tags",
  "hook",
  "settings",
  "refresh",
  "hold",
  "nomad-secrets",
  "nomad-connection",
  "nomad-token",
  "nomad-servers",
  "nomad-waiting",
  "nodes",
  "consul-secrets",
  "consul-connection",
  "consul-token",
  "members",
] as const;
export type Check = (typeof checks)[number];

export const severities = ["error", "warning", "ok"] as const;
export type Severity = (typeof severities)[number];

/** What was found, and what to do about it. */
export const finding = v.object({
  check: v.picklist(checks),
  severity: v.picklist(severities),
  /** What it is about: a group, a pool, an instance, an address. */
  subject: v.string(),
  what: v.string(),
  /** What a person can do; null where there is nothing to do. */
  remedy: v.nullable(v.string()),
});
export type Finding = v.InferOutput<typeof finding>;

/** Makes findings of one check on one subject. */
export const about = (check: Check, subject: string) => ({
  ok: (what: string): Finding => ({ check, severity: "ok", subject, what, remedy: null }),
  warning: (what: string, remedy: string): Finding => ({
    check,
    severity: "warning",
    subject,
    what,
    remedy,
  }),
  error: (what: string, remedy: string): Finding => ({
    check,
    severity: "error",
    subject,
    what,
    remedy,
  }),
});

/** A pool as its group and its settings have it, and some of its instances to be looked for. */
export const sampledPool = v.object({
  pool: v.string(),
  group: v.string(),
  /** Null when its settings do not parse. */
  slots: v.nullable(v.number()),
  /** In service: at most three. */
  instances: v.array(v.string()),
});
export type SampledPool = v.InferOutput<typeof sampledPool>;

/** What *Check groups* answers. */
export const checkedGroups = v.object({
  findings: v.array(finding),
  /** Slots of the whole cluster. */
  slots: v.number(),
  pools: v.array(sampledPool),
});
export type CheckedGroups = v.InferOutput<typeof checkedGroups>;

/** An instance with its name in Consul, as its node says it. */
export const sampledMember = v.object({
  pool: v.string(),
  instanceId: v.string(),
  member: v.string(),
});
export type SampledMember = v.InferOutput<typeof sampledMember>;

/** What *Check Nomad* answers. */
export const checkedNomad = v.object({
  findings: v.array(finding),
  members: v.array(sampledMember),
});
export type CheckedNomad = v.InferOutput<typeof checkedNomad>;

/** What *Check Consul* answers. */
export const checkedConsul = v.object({ findings: v.array(finding) });
export type CheckedConsul = v.InferOutput<typeof checkedConsul>;

/** What Step Functions puts in the place of an answer when a check could not run. */
export const notRun = v.object({ Error: v.string(), Cause: v.optional(v.string(), "") });
export type NotRun = v.InferOutput<typeof notRun>;

const bySeverity = (found: Pick<Finding, "severity">) => severities.indexOf(found.severity);

/** Worst first, then in the order of the checks, then by subject: the same findings, the same order. */
export const sortFindings = (findings: readonly Finding[]): Finding[] =>
  findings.toSorted(
    (one, other) =>
      bySeverity(one) - bySeverity(other) ||
      checks.indexOf(one.check) - checks.indexOf(other.check) ||
      (one.subject < other.subject ? -1 : one.subject > other.subject ? 1 : 0),
  );

/** Findings of one check and one severity that are told one by one. */
const mostAlike = 25;

/**
 * A hundred groups with the same fault are one thing to be told, and all their
 * findings would not fit through a state machine (256 KiB).
 */
export const condense = (findings: readonly Finding[]): Finding[] =>
  [...Map.groupBy(findings, ({ check, severity }) => `${check} ${severity}`).values()].flatMap(
    (alike) => {
      const [first, ...others] = alike.slice(mostAlike);
      if (first === undefined || others.length === 0) return alike;
      const rest = {
        ...first,
        subject: `and ${others.length + 1} more`,
        what: `such as ${first.subject}: ${first.what}`,
      };
      return [...alike.slice(0, mostAlike), rest];
    },
  );
