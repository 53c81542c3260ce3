import type { Mutant } from "../mutants.ts";

const judgeDrain = "lambdas/retire/rules/judge-drain.ts";
const judgeNode = "lambdas/retire/rules/judge-node.ts";
const deadlines = "lambdas/retire/rules/deadlines.ts";

/** Faults in what is decided. */
export const mutantsOfRules: readonly Mutant[] = [
  {
    name: "a drain is over as soon as it has begun",
    lesson: "went on although what came before had not worked",
    patches: [
      {
        file: judgeDrain,
        find: "const live = view.live.filter((allocation) => concerns(drain.pass, allocation));",
        replace: 'return { status: "drained", outcome: "clean", explanation: "", blockers: [] };',
      },
    ],
    caughtBy: "no-live-work-lost",
    situation: "an ordinary scale-in",
  },
  {
    name: "trusts the end of the strategy alone",
    lesson: "hook completed while tasks were still stopping (aws-cdk #13506)",
    patches: [
      {
        file: judgeDrain,
        find: "if (blockers.length === 0 && view.claims.length === 0) {",
        replace: "if (!view.node.DrainStrategy || blockers.length === 0) {",
      },
    ],
    caughtBy: "no-live-work-lost",
    situation: "batch work that runs past its deadline and stops slowly",
  },
  {
    name: "past the deadline waits for no kill time-out",
    lesson: "hook completed while tasks were still stopping (aws-cdk #13506)",
    patches: [
      {
        file: deadlines,
        find: "const patient = until + killGraceSeconds * 1000;",
        replace: "const patient = until;",
      },
    ],
    caughtBy: "no-live-work-lost",
    situation: "batch work that runs past its deadline and stops slowly",
  },
  {
    name: "takes an allocation that has ended for one whose tasks have",
    lesson: "a poststop task still ran (nomad-autoscaler PR 1337)",
    patches: [
      {
        file: judgeDrain,
        find: 'return states.includes("running") || (hasJustEnded && states.includes("pending"));',
        replace: "return hasJustEnded && states.length === 0;",
      },
    ],
    caughtBy: "no-live-work-lost",
    situation: "a task that tidies up after a failure",
  },
  {
    name: "takes sysbatch work for that of system jobs",
    lesson: "forced after 15 minutes against hour-long jobs",
    patches: [
      {
        file: judgeDrain,
        find: 'pass === "system" || allocation.JobType !== "system";',
        replace: 'pass === "system" || !allocation.JobType.startsWith("sys");',
      },
    ],
    caughtBy: "system-jobs-last",
    situation: "sysbatch work that runs for long",
  },
  {
    name: "does not wait for volumes to be released",
    lesson: "a CSI volume was unmounted by nobody, and claimed for ever (nomad #15415)",
    patches: [
      {
        file: judgeDrain,
        find: "if (blockers.length === 0 && view.claims.length === 0) {",
        replace: "if (blockers.length === 0) {",
      },
    ],
    caughtBy: "no-live-work-lost",
    situation: "a volume that takes a while to be released",
  },
  {
    name: "does not wait for disks to be pulled",
    lesson: "the replacement ran empty with only a warning",
    patches: [
      {
        file: judgeDrain,
        find: "const pulling = view.pulling;",
        replace: "const pulling = view.pulling.slice(view.pulling.length);",
      },
    ],
    caughtBy: "no-live-work-lost",
    situation: "data that takes a while to move",
  },
  {
    name: "decides the hook on an outage",
    lesson: "API outage, instant ABANDON, the whole group destroyed (lifecycle-manager #189)",
    patches: [
      {
        file: judgeNode,
        find: ': lookAgain("unreachable", `${failure.message}.`);',
        replace: ': answer("unreachable", "complete", failure.message);',
      },
    ],
    caughtBy: "no-live-work-lost",
    situation: "Nomad cannot be reached for three quarters of an hour",
  },
  {
    name: "takes a refused token for a node that is not registered",
    lesson: "goes on while invalid (kops #7258)",
    patches: [
      {
        file: judgeNode,
        find: '? lookAgain("refused", `${failure.service} refuses the token: ${failure.text}`)',
        replace: '? answer("unregistered", "complete", failure.text)',
      },
    ],
    caughtBy: "no-live-work-lost",
    situation: "the token is refused for a while",
  },
  {
    name: "acts on the empty answers that a weak token gets",
    lesson: "a weak token sees an empty node: 200 and an empty list",
    patches: [
      {
        file: "lambdas/retire/rules/judge-token.ts",
        find: "if (namespaces.get(name)?.has(capability)) return;",
        replace: "if (namespaces.size >= 0 && capability) return;",
      },
    ],
    caughtBy: "no-live-work-lost",
    situation: "the token cannot see what runs",
  },
  {
    name: "lets a young instance go whose node has not registered yet",
    lesson: "it joined later, took work, died undrained (lifecycle-manager #282)",
    patches: [{ file: judgeNode, find: "return age < grace", replace: "return age < 0" }],
    caughtBy: "no-live-work-lost",
    situation: "a node joins late",
  },
  {
    name: "knows no server",
    lesson: "ending a server costs the cluster its quorum",
    patches: [
      {
        file: "lambdas/retire/rules/recognise-server.ts",
        find: "if (nomad) return `it is Nomad's server ${nomad.Name}`;",
        replace: "",
      },
    ],
    caughtBy: "servers-untouched",
    situation: "a person wants to retire a server",
  },
  {
    name: "waits for Nomad until the hook's own time is over",
    lesson: "every node waited for the full time-out (node-termination-handler #990)",
    patches: [
      {
        file: deadlines,
        find: "hook !== null && untilSeconds(hook, now) <= completionMarginSeconds;",
        replace: "hook !== null && untilSeconds(hook, now) <= -completionMarginSeconds;",
      },
    ],
    caughtBy: "every-hook-decided",
    situation: "Nomad cannot be reached for longer than the hook lives",
  },
  {
    name: "gives a drain more time than the hook has",
    lesson: "a hook lives at most min(48 h, 100 heartbeats)",
    patches: [
      {
        file: deadlines,
        find: "return Math.max(1, Math.min(wanted, untilSeconds(hook, now) - afterDrainSeconds(settings)));",
        replace: "return wanted;",
      },
    ],
    caughtBy: "deadlines-kept",
    situation: "Nomad cannot be reached until the hook has almost lived its time",
  },
  {
    name: "takes every Nomad for one that drains two nodes well",
    lesson: "two nodes drained at once took a service down (nomad #25979)",
    patches: [
      {
        file: "lambdas/retire/rules/nomad-version.ts",
        find: "return minor > 10 || (minor === 10 && patch >= 3);",
        replace: "return minor + patch > 0;",
      },
    ],
    caughtBy: "no-job-starved-by-two-drains",
    situation: "several slots",
  },
  {
    name: "does not count the drains of people",
    lesson: "two nodes drained at once took a service down (nomad #25979)",
    patches: [
      {
        file: "lambdas/retire/rules/allot-slot.ts",
        find: "const besides = question.drainsByOthers + left.length;",
        replace: "const besides = left.length;",
      },
    ],
    caughtBy: "person-respected",
    situation: "a person drains a node that stays",
  },
  {
    name: "does not count what an execution drains that has lost its slot",
    lesson: "two nodes drained at once took a service down (nomad #25979)",
    patches: [
      {
        file: "lambdas/retire/rules/allot-slot.ts",
        find: "const besides = question.drainsByOthers + left.length;",
        replace: "const besides = question.drainsByOthers;",
      },
    ],
    caughtBy: "slots-kept",
    situation: "a person stops an execution while Nomad is busy",
  },
  {
    name: "gives the work a tenth of its time",
    lesson: "forced after 15 minutes against hour-long jobs (EKS roadmap #1282)",
    patches: [
      {
        file: deadlines,
        find: "const wanted = wantedDeadlineSeconds(settings, hasBatchWork);",
        replace: "const wanted = wantedDeadlineSeconds(settings, hasBatchWork) / 10;",
      },
    ],
    caughtBy: "deadlines-kept",
    situation: "an ordinary scale-in",
  },
  {
    name: "waits for no slot",
    lesson: "two nodes drained at once took a service down (nomad #25979)",
    patches: [
      {
        file: deadlines,
        find: "secondsToQueue(settings, hook, now) <= 0;",
        replace: "secondsToQueue(settings, hook, now) !== 0;",
      },
    ],
    caughtBy: "no-job-starved-by-two-drains",
    situation: "several slots",
  },
  {
    name: "works on for longer than the hook lives without a heartbeat",
    lesson: "every node waited for the full time-out (node-termination-handler #990)",
    patches: [
      {
        file: deadlines,
        find: "Math.min(780, Math.max(10, Math.floor((hook?.heartbeatSeconds ?? 3600) * 0.45)));",
        replace: "600 + Math.min(0, hook?.heartbeatSeconds ?? 0);",
      },
    ],
    caughtBy: "every-hook-decided",
    situation: "a hook with a short heartbeat, and a long queue",
  },
  {
    name: "waits for ever for a node that never joined",
    lesson: "never-joined nodes left the hook hanging (node-termination-handler #575, #787)",
    patches: [{ file: judgeNode, find: "return age < grace", replace: "return age >= 0" }],
    caughtBy: "every-hook-decided",
    situation: "a node never joins",
  },
];
