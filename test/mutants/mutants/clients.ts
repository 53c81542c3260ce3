import type { Mutant } from "../mutants.ts";

const nomad = "lambdas/clients/nomad.ts";
const clusterApi = "lambdas/clients/cluster-api.ts";

/** Faults in how others are asked, and in what their answers are taken for. */
export const mutantsOfClients: readonly Mutant[] = [
  {
    name: "sends a duration where Nomad expects a deadline",
    lesson: "no deadline at all (terraform-aws-nomad-asg-drain-lambda)",
    patches: [
      {
        file: nomad,
        find: "          Deadline: Math.max(1,",
        replace: "          Duration: Math.max(1,",
      },
    ],
    caughtBy: "deadlines-kept",
    situation: "an ordinary scale-in",
  },
  {
    name: "drains the system jobs together with the work",
    lesson: "log shippers and CSI plugins ended before those that need them (nomad #8232)",
    patches: [
      {
        file: nomad,
        find: "IgnoreSystemJobs: request.ignoreSystemJobs,",
        replace: "IgnoreSystemJobs: false,",
      },
    ],
    caughtBy: "system-jobs-last",
    situation: "an ordinary scale-in",
  },
  {
    name: "takes an error of Nomad's for a node that is not there",
    lesson: "node not found, exception, dead execution, the hook times out",
    patches: [
      {
        file: clusterApi,
        find: "if (status >= 500 || status < 400 || impatience.has(status)) return",
        replace: 'if (status >= 500) return "missing";\n  if (status < 400) return',
      },
    ],
    caughtBy: "no-live-work-lost",
    situation: "Nomad answers with errors of its own while a node drains",
  },
  {
    name: "takes a busy Nomad for one that refuses the request",
    lesson: "a server holds 100 connections of one address: 429 is no error",
    patches: [
      {
        file: clusterApi,
        find: 'if (status === 429) return "busy";',
        replace: 'if (status === 429) return "rejected";',
      },
    ],
    caughtBy: "no-live-work-lost",
    situation: "Nomad has no connection to give",
  },
  {
    name: "takes every error of Auto Scaling for the end of the hook, and does not look again",
    lesson: "a release stopped completing hooks; every node waited (node-termination-handler #990)",
    patches: [
      {
        file: "lambdas/clients/auto-scaling.ts",
        find: "if (isOver(error)) return false;",
        replace: "if (error instanceof Error) return false;",
      },
      {
        file: "lambdas/retire/await-termination.ts",
        find: "if (!name.startsWith(hookPrefix(settings.DROVER_CLUSTER))) continue;",
        replace: "if (name.startsWith(hookPrefix(settings.DROVER_CLUSTER))) continue;",
      },
    ],
    caughtBy: "every-hook-decided",
    situation: "Auto Scaling throttles",
  },
  {
    name: "keeps the slot that it was given",
    lesson: "one long drain froze all scaling (nomad-autoscaler #672)",
    patches: [
      {
        file: "lambdas/clients/records.ts",
        find: 'ConditionExpression: "holder = :holder",',
        replace: 'ConditionExpression: "holder <> :holder",',
      },
    ],
    caughtBy: "nothing-left-taken",
    situation: "an ordinary scale-in",
  },
  {
    name: "takes slots that others hold",
    lesson: "two nodes drained at once took a service down (nomad #25979)",
    patches: [
      {
        file: "lambdas/clients/records.ts",
        find: '"attribute_not_exists(pk) OR #until < :now OR holder = :holder",',
        replace: '"attribute_not_exists(pk) OR #until > :now OR holder = :holder",',
      },
      {
        file: "lambdas/retire/rules/allot-slot.ts",
        find: "const live = question.leases.filter((lease) => lease.until >= now);",
        replace: "const live = question.leases.filter((lease) => lease.until < now);",
      },
    ],
    caughtBy: "no-job-starved-by-two-drains",
    situation: "several slots",
  },
  {
    name: "does not see that a person has stopped it",
    lesson: "one parameter makes all of Drover hold still",
    patches: [
      {
        file: "lambdas/clients/switches.ts",
        find: 'const stopped = values.get(stopParameter)?.trim() !== "go";',
        replace: "const stopped = !values.has(stopParameter);",
      },
    ],
    caughtBy: "person-respected",
    situation: "a person stops Drover",
  },
];
