import type { Mutant } from "../mutants.ts";

const planRepairs = "lambdas/watch/rules/plan-repairs.ts";

/** Faults in what is repaired in Nomad and Consul. */
export const mutantsOfRepairs: readonly Mutant[] = [
  {
    name: "makes nobody forget what a stopped execution has left",
    lesson: "crash between drain and terminate leaves ineligible nodes (nomad-autoscaler #410)",
    patches: [
      {
        file: planRepairs,
        find: "forget: capped > 0 ? [] : forget, giveBack, settle };",
        replace: "forget: [], giveBack, settle };",
      },
    ],
    caughtBy: "nobody-remembered",
    situation: "a person stops an execution once its hook is decided",
  },
  {
    name: "gives no cordon back",
    lesson: "cordoned and never un-cordoned (node-termination-handler #321)",
    patches: [
      {
        file: planRepairs,
        find: "giveBack.push({ mark, nodeId: seen.nodeId, why: seen.why });",
        replace: 'settle.push({ instanceId, execution, phase: "failed" });',
      },
    ],
    caughtBy: "nothing-left-taken",
    situation: "a person retires an instance, and stops that once its node is cordoned",
  },
  {
    name: "gives back while a function of the stopped execution is still at work",
    lesson: "who stops an execution stops none of its functions",
    patches: [
      {
        file: "lambdas/watch/describe-mark.ts",
        find: "export const functionsSeconds = 120;",
        replace: "export const functionsSeconds = 0;",
      },
    ],
    caughtBy: "nothing-left-taken",
    situation: "a retirement is stopped while its cordon is on its way",
  },
  {
    name: "forgets without EC2's word",
    lesson: "an outage, and the whole group was taken for gone (lifecycle-manager #189)",
    patches: [
      { file: planRepairs, find: "if (!hasEnded(word)) {", replace: "if (word === pool) {" },
    ],
    caughtBy: "nothing-forgotten-alive",
    situation: "a node that was given back is cut off",
  },
  {
    name: "takes an empty answer of EC2 for an end",
    lesson: "only the first reservation was read, or none, and that was taken for all",
    patches: [
      {
        file: planRepairs,
        find: "const word = words.get(instanceId);",
        replace: 'const word = words.get(instanceId) ?? "not found";',
      },
    ],
    caughtBy: "nothing-forgotten-alive",
    situation: "a node that was given back is cut off, and EC2 answers with nothing",
  },
  {
    name: "believes Nomad that there are no nodes",
    lesson: "a wrong region or a weak token answers with an empty list, and no error",
    patches: [
      {
        file: "lambdas/watch/look-at-cluster.ts",
        find: "if (!knowsAny && inService > 0) {",
        replace: "if (!knowsAny && inService < 0) {",
      },
    ],
    caughtBy: "nothing-left-taken",
    situation: "Nomad lists nothing for a while, and a cordon is to be given back",
  },
  {
    name: "lifts what a person has cordoned",
    lesson: "eligibility has no owner in Nomad: who cordoned it has to be known",
    patches: [
      {
        file: "lambdas/watch/rules/judge-cordon.ts",
        find: 'const theirs = (why: string): CordonVerdict => ({ cordon: "theirs", why });',
        replace: 'const theirs = (why: string): CordonVerdict => ({ cordon: "ours", why });',
      },
    ],
    caughtBy: "person-respected",
    situation: "a person cordons a node anew, whose retirement was stopped",
  },
  {
    name: "forgets whatever is down and has ended",
    lesson: "what is not ours is left alone, however dead it looks",
    patches: [
      {
        file: planRepairs,
        find: "const record = recordOf.get(instanceId);",
        replace:
          'const record = recordOf.get(instanceId) ?? { execution: "none", pool: "workers", phase: "retired" as const };',
      },
    ],
    caughtBy: "nothing-foreign-touched",
    situation: "a machine of somebody else's has ended",
  },
  {
    name: "forgets however many there are",
    lesson: "API outage, and everything was given up at once (lifecycle-manager #189)",
    patches: [
      {
        file: planRepairs,
        find: "const capped = forget.length > cap ? forget.length : 0;",
        replace: "const capped = forget.length > cap * 9 ? forget.length : 0;",
      },
    ],
    caughtBy: "few-forgotten-at-once",
    situation: "more executions are stopped than is believable",
  },
];
