import type { Mutant } from "../mutants.ts";

/** Faults in what is done, and in which order. */
export const mutantsOfTasks: readonly Mutant[] = [
  {
    name: "the ownership is never ended",
    lesson: "a failed drain left tags that blocked every rerun (eks-rolling-update #29)",
    patches: [
      {
        file: "lambdas/retire/record-retirement.ts",
        find: 'await records.end(retirement.instanceId, retirement.execution, "retired");',
        replace: "",
      },
    ],
    caughtBy: "nothing-left-taken",
    situation: "an ordinary scale-in",
  },
  {
    name: "the node is not purged",
    lesson: "crash between drain and terminate leaves ineligible nodes (nomad-autoscaler #410)",
    patches: [
      {
        file: "lambdas/retire/forgetting.ts",
        find: 'return (await nomad.purge(nodeId)) === "done" ? "purged" : "unknown";',
        replace: 'return "left to garbage collection";',
      },
    ],
    caughtBy: "nobody-remembered",
    situation: "an ordinary scale-in",
  },
  {
    name: "forgets the node before its machine has ended",
    lesson: "a purged live node comes back eligible, a pruned live member as a zombie",
    patches: [
      {
        file: "lambdas/retire/await-termination.ts",
        find: 'if (!instance) return { state: "gone"',
        replace: 'if (!instance || instance.group) return { state: "gone"',
      },
      {
        file: "lambdas/retire/complete-hook.ts",
        find: "const usualEnd = 75;",
        replace: "const usualEnd = 0;",
      },
    ],
    caughtBy: "nothing-forgotten-alive",
    situation: "an ordinary scale-in",
  },
  {
    name: "purges a node that a volume names",
    lesson: "a purge pins the claim for ever (nomad #15415)",
    patches: [
      {
        file: "lambdas/retire/forgetting.ts",
        find: "if (volume?.Allocations?.some((allocation) => allocation.NodeID === nodeId)) {",
        replace: "if (volume?.Allocations?.some((allocation) => allocation.NodeID === id)) {",
      },
    ],
    caughtBy: "nothing-left-taken",
    situation: "a volume that is not released",
  },
  {
    name: "takes the node's address for the name of its member",
    lesson: "Consul's name comes from the node, never from its address",
    patches: [
      {
        file: "lambdas/retire/find-node.ts",
        find: 'const member = full.value.Attributes["unique.consul.name"];',
        replace: 'const member = full.value.Attributes["unique.network.ip-address"];',
      },
    ],
    caughtBy: "nobody-remembered",
    situation: "an ordinary scale-in",
  },
  {
    name: "does not look a second time",
    lesson: "deregistering while the agent lives is undone within 84 seconds",
    patches: [
      {
        file: "lambdas/retire/look-again.ts",
        find: 'if (!inNomad && !inConsul) return { ...forgotten, explanation: "Forgotten." };',
        replace: 'if (!isToStay) return { ...forgotten, explanation: "Forgotten." };',
      },
    ],
    caughtBy: "nobody-remembered",
    situation: "an agent says a last word after it was forgotten",
  },
  {
    name: "sends no heartbeat while it waits",
    lesson: "never-joined nodes left the hook hanging (node-termination-handler #575)",
    patches: [
      {
        file: "lambdas/retire/keep-alive.ts",
        find: "await beat(autoScaling, { ...retirement, hook });",
        replace: "",
      },
    ],
    caughtBy: "every-hook-decided",
    situation: "Nomad cannot be reached for three quarters of an hour",
  },
  {
    name: "ignores the record of who owns the instance",
    lesson: "every event is delivered at least once, and several sources tell of one instance",
    patches: [
      {
        file: "lambdas/retire/take-ownership.ts",
        find: 'if (status === "running") {',
        replace: 'if (status === "unknown") {',
      },
    ],
    caughtBy: "one-owner-an-instance",
    situation: "a person retires an instance that leaves already",
  },
  {
    name: "acts on a hook of another cluster's group",
    lesson: "events of others are dropped and counted",
    patches: [
      {
        file: "lambdas/intake/intake.ts",
        find: "if (!pool || groupTags.get(clusterTag) !== cluster) return undefined;",
        replace: "if (!pool) return undefined;",
      },
    ],
    caughtBy: "nothing-foreign-touched",
    situation: "somebody else's group has a hook with our name",
  },
  {
    name: "starts on an instance that a person holds",
    lesson: "a person's hold stops Drover from starting anything by itself",
    patches: [
      {
        file: "lambdas/intake/intake.ts",
        find: "if ((await tags.read(arn)).has(holdTag)) {",
        replace: "if ((await tags.read(arn)).has(`${holdTag}-too`)) {",
      },
    ],
    caughtBy: "person-respected",
    situation: "a person holds an instance",
  },
  {
    name: "drains a pool that is observe-only",
    lesson: "observe-only decides and reports everything, and does nothing",
    patches: [
      {
        file: "stepfunctions/retire/find-node.ts",
        find: 'Condition.booleanEquals("$.settings.observeOnly", true)',
        replace: 'Condition.booleanEquals("$.settings.observeOnly", false)',
      },
    ],
    caughtBy: "person-respected",
    situation: "the pool is observe-only",
  },
  {
    name: "shrinks the group where the instance is to be replaced",
    lesson: "restoring what was thought to be desired undid a scale-out (asg-roller #43)",
    patches: [
      {
        file: "lambdas/retire/complete-hook.ts",
        find: 'const isSmaller = known.capacity === "shrink";',
        replace: 'const isSmaller = known.capacity !== "shrink";',
      },
    ],
    caughtBy: "person-respected",
    situation: "a person retires an instance, and the group replaces it",
  },
  {
    name: "posts the drain again when the answer was lost",
    lesson: "posting again begins the deadline anew: a naive retry drains for ever",
    patches: [
      {
        file: "lambdas/retire/begin-drain.ts",
        find: "if (!adopted) {",
        replace: "if (adopted !== null) {",
      },
    ],
    caughtBy: "deadlines-kept",
    situation: "the answer to a drain is lost",
  },
  {
    name: "begins the drain of a person anew",
    lesson: "an operator's own drain is respected",
    patches: [
      {
        file: "lambdas/retire/begin-drain.ts",
        find: "const endsInTime = ends !== undefined && ends <= wanted.until;",
        replace: "const endsInTime = ends !== undefined && ends > wanted.until;",
      },
    ],
    caughtBy: "person-respected",
    situation: "a person drains the node that leaves",
  },
  {
    name: "completes the hook although a person has stopped Drover",
    lesson: "one parameter makes all of Drover hold still",
    patches: [
      {
        file: "lambdas/retire/complete-hook.ts",
        find: "if ((await switches.isStopped()) && !isHookRunningOut(hook, clock.now())) {",
        replace: "if ((await switches.isStopped()) && isHookRunningOut(hook, clock.now())) {",
      },
    ],
    caughtBy: "person-respected",
    situation: "a person stops Drover while it drains",
  },
  {
    name: "begins after an outage although a person has stopped Drover meanwhile",
    lesson: "a stop that is read only once is heard by nobody who waits",
    patches: [
      {
        file: "lambdas/retire/rules/judge-node.ts",
        find: 'return known.node?.next === "look-again"',
        replace: 'return known.node?.next === "begin-again"',
      },
    ],
    caughtBy: "person-respected",
    situation: "Nomad cannot be reached, and a person stops Drover meanwhile",
  },
  {
    name: "gives up where the settings of the pool are not right",
    lesson: "a field that a person misspelt must end no machine undrained",
    patches: [
      {
        file: "lambdas/retire/take-ownership.ts",
        find: "if (wrong !== undefined && !claim.hook) throw",
        replace: "if (wrong !== undefined) throw",
      },
    ],
    caughtBy: "no-live-work-lost",
    situation: "a person misspells the settings of the pool, and mends them",
  },
  {
    name: "forgets the node of an instance that a person took out of its group",
    lesson: "a live node that was purged comes back eligible",
    patches: [
      {
        file: "lambdas/retire/complete-hook.ts",
        find: 'if (known.node?.next === "retire") {',
        replace: 'if (known.node?.next === "complete") {',
      },
    ],
    caughtBy: "nothing-forgotten-alive",
    situation: "a person retires an instance, and takes it out of its group while it drains",
  },
  {
    name: "abandons the hook",
    lesson: "API outage, instant ABANDON, the whole group destroyed (lifecycle-manager #189)",
    patches: [
      {
        file: "lambdas/retire/complete-hook.ts",
        find: "if (await autoScaling.complete(action, result)) {",
        replace: 'if (await autoScaling.complete(action, "ABANDON")) {',
      },
    ],
    caughtBy: "nothing-foreign-touched",
    situation: "the pool is observe-only",
  },
  {
    name: "lets the lease of its slot run out while it drains",
    lesson: "two nodes drained at once took a service down (nomad #25979)",
    patches: [
      {
        file: "lambdas/retire/keep-alive.ts",
        find: "if (leases.length > 0) {",
        replace: "if (leases.length > 9) {",
      },
      // Drains without a slot are counted besides, which alone would save it.
      {
        file: "lambdas/retire/rules/allot-slot.ts",
        find: "const besides = question.drainsByOthers + left.length;",
        replace: "const besides = question.drainsByOthers;",
      },
    ],
    caughtBy: "no-job-starved-by-two-drains",
    situation: "a drain that lasts longer than a lease",
  },
  {
    name: "sends no heartbeat while it waits for a slot",
    lesson: "one long drain froze all scaling (nomad-autoscaler #672)",
    patches: [
      {
        file: "lambdas/retire/take-slot.ts",
        find: "await beat(autoScaling, retirement);\n      const waited",
        replace: "const waited",
      },
    ],
    caughtBy: "every-hook-decided",
    situation: "a hook with a short heartbeat, and a long queue",
  },
  {
    name: "repairs nothing of what it finds",
    lesson:
      "crash between drain and terminate leaves nodes that nobody retires (nomad-autoscaler #410)",
    patches: [
      {
        file: "stepfunctions/reconcile.ts",
        find: '.when(Condition.stringEquals(next, "repair"), repairOwnership)',
        replace: '.when(Condition.stringEquals(next, "repair in vain"), repairOwnership)',
      },
    ],
    caughtBy: "every-hook-decided",
    situation: "the event of a hook is lost",
  },
  {
    name: "takes an execution that was stopped for one that runs",
    lesson: "an execution that is stopped runs no Catch: somebody else has to see to the rest",
    patches: [
      {
        file: "lambdas/clients/executions.ts",
        find: 'return status === "RUNNING" || status === "PENDING_REDRIVE" ? "running" : "ended badly";',
        replace: 'return status === "PENDING_REDRIVE" ? "ended badly" : "running";',
      },
    ],
    caughtBy: "every-hook-decided",
    situation: "a person stops an execution while it drains",
  },
  {
    name: "repairs what a person holds",
    lesson: "a person's hold stops Drover from starting anything by itself",
    patches: [
      {
        file: "lambdas/watch/look-at-aws.ts",
        find: "found.filter(({ instanceId }) => !carriers.has(instanceId))",
        replace: "found.filter(({ instanceId }) => !carriers.has(`${instanceId} too`))",
      },
    ],
    caughtBy: "person-respected",
    situation: "a person holds an instance",
  },
];
