import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import type { ServerMember } from "../../../../lambdas/clients/nomad.ts";
import {
  about,
  checks,
  condense,
  type Finding,
  severities,
  sortFindings,
} from "../../../../lambdas/watch/findings.ts";
import { explainNotRun } from "../../../../lambdas/watch/rules/explain-not-run.ts";
import { judgeMembers } from "../../../../lambdas/watch/rules/judge-members.ts";
import { judgeNodes, type NodeSighting } from "../../../../lambdas/watch/rules/judge-nodes.ts";
import { judgeServers } from "../../../../lambdas/watch/rules/judge-servers.ts";
import { judgeWaiting } from "../../../../lambdas/watch/rules/judge-waiting.ts";

type Expected = readonly (readonly [Finding["severity"], RegExp])[];
const assertBrief = (findings: readonly Finding[], expected: Expected): void => {
  assert.equal(findings.length, expected.length, JSON.stringify(findings));
  for (const [index, [severity, what]] of expected.entries()) {
    assert.equal(findings[index]?.severity, severity, JSON.stringify(findings[index]));
    assert.match(findings[index]?.what ?? "", what);
    assert.equal(findings[index]?.remedy === null, severity === "ok");
  }
};

describe("the servers", () => {
  const server = (build: string, over: Partial<ServerMember> = {}): ServerMember => ({
    Name: "one.global",
    Addr: "10.0.0.1",
    Status: "alive",
    Tags: { build },
    ...over,
  });
  const one = { cluster: 1, pools: [{ pool: "workers", slots: 1 }] };
  const many = { cluster: 3, pools: [{ pool: "workers", slots: 2 }] };
  const cases: readonly (readonly [string, ServerMember[], typeof one, Expected])[] = [
    [
      "old, and one slot",
      [server("1.6.1")],
      one,
      [["ok", /1 server with Nomad 1\.6\.1: one node/]],
    ],
    ["new, and many slots", [server("1.10.3")], many, [["ok", /1\.10\.3: several nodes/]]],
    ["newer", [server("1.11.0+ent"), server("2.0.0")], many, [["ok", /2 servers/]]],
    [
      "old, and many slots",
      [server("1.10.2")],
      many,
      [["warning", /one node drains.*the cluster 3, the pool workers 2.*1\.10\.2/]],
    ],
    [
      "one of them old",
      [server("1.10.5"), server("1.10.2", { Name: "two.global" })],
      many,
      [["warning", /two\.global 1\.10\.2 runs/]],
    ],
    [
      "one of them old, and gone",
      [server("1.10.5"), server("1.6.1", { Status: "left" })],
      many,
      [["ok", /1 server with/]],
    ],
    ["not tried", [server("1.5.8")], one, [["warning", /older than what Drover is tested with/]]],
    ["too old", [server("1.2.16")], one, [["error", /too old for Drover: one\.global 1\.2\.16/]]],
    ["of no version", [server("")], one, [["error", /too old for Drover/]]],
    [
      "one of them dead",
      [server("1.10.5"), server("1.10.5", { Name: "two.global", Status: "failed" })],
      one,
      [["warning", /not alive: two\.global \(failed\)/]],
    ],
    [
      "of a pool whose settings nobody knows",
      [server("1.6.1")],
      { cluster: 1, pools: [{ pool: "workers", slots: null as never }] },
      [["ok", /one node/]],
    ],
  ];
  for (const [title, members, slots, expected] of cases) {
    test(title, () => assertBrief(judgeServers({ region: "global", members }, slots), expected));
  }
});

describe("a query that waits", () => {
  const judge = (tookSeconds: number, failure?: Parameters<typeof judgeWaiting>[0]["failure"]) => [
    judgeWaiting({ subject: "https://nomad.internal", askedSeconds: 50, tookSeconds, failure }),
  ];
  const fail = (over: { status?: number; code?: string; text?: string; kind?: "busy" }) => ({
    kind: over.kind ?? ("unreachable" as const),
    status: over.status,
    code: over.code,
    text: over.text ?? "",
  });

  test("waits its time", () => {
    assertBrief(judge(50), [["ok", /may wait for 50 s/]]);
    assertBrief(judge(53.1), [["ok", /may wait/]]);
    assertBrief(judge(49.9), [["ok", /may wait/]]);
  });

  test("is answered too early", () => {
    assertBrief(judge(5), [["warning", /answered after 5 s, with nothing changed/]]);
  });

  for (const [seconds, failure, what] of [
    [30, fail({ status: 504 }), /cut after 30 s \(504\)/],
    [45.2, fail({ code: "ECONNRESET", text: "socket hang up" }), /cut after 45 s \(ECONNRESET\)/],
    [3, fail({ code: "EPIPE" }), /cut after 3 s \(EPIPE\)/],
    [0.1, fail({ text: "Parse Error" }), /failed at once \(Parse Error\)/],
    [50, fail({ status: 504 }), /no answer after 50 s \(504\)/],
    [60, fail({ text: "no answer within 63 s" }), /no answer after 60 s/],
  ] as const) {
    test(`is cut: ${seconds} s, ${failure.status ?? failure.code ?? failure.text}`, () => {
      assertBrief(judge(seconds, failure), [["error", what]]);
    });
  }

  test("is one too many", () => {
    assertBrief(judge(0.1, fail({ status: 429, kind: "busy" })), [["warning", /refused \(429\)/]]);
  });
});

describe("the nodes of a pool", () => {
  const found = (over: Partial<NodeSighting> = {}): NodeSighting => ({
    instanceId: "i-1",
    node: { Name: "i-1", Status: "ready" },
    nodes: 1,
    member: "i-1",
    server: undefined,
    ...over,
  });
  const missing = (instanceId: string) =>
    found({ instanceId, node: undefined, nodes: 0, member: undefined });

  test("are found, under their names", () => {
    assertBrief(judgeNodes("workers", [found()], { hasConsul: true }), [
      ["ok", /^found in Nomad: i-1$/],
    ]);
    const named = found({ node: { Name: "ip-10-0-0-1", Status: "ready" }, member: "agent-1" });
    assertBrief(judgeNodes("workers", [named], { hasConsul: true }), [
      ["ok", /i-1 \(the node ip-10-0-0-1, member agent-1\)/],
    ]);
  });

  test("are not found", () => {
    assertBrief(judgeNodes("workers", [missing("i-1"), missing("i-2")], { hasConsul: true }), [
      ["error", /no node on any .*i-1, i-2/],
    ]);
    const unknown = { hasConsul: true, knowsAnyInstance: false };
    assertBrief(judgeNodes("workers", [missing("i-1")], unknown), [
      ["error", /\(i-1\), and none on any EC2 instance at all$/],
    ]);
    assertBrief(judgeNodes("workers", [found(), missing("i-2")], { hasConsul: true }), [
      ["warning", /no node on i-2/],
    ]);
    assertBrief(judgeNodes("workers", [], { hasConsul: true }), [
      ["ok", /no instance is in service/],
    ]);
  });

  test("are not as they should be", () => {
    const bad = found({
      node: { Name: "n", Status: "down" },
      nodes: 2,
      member: undefined,
      server: "it is Nomad's server one.global",
    });
    assertBrief(judgeNodes("workers", [bad], { hasConsul: true }), [
      ["error", /is a server: it is Nomad's server/],
      ["warning", /2 nodes say/],
      ["warning", /is down/],
      ["warning", /does not say its name in Consul/],
    ]);
  });

  test("need no name in Consul where there is no Consul", () => {
    assertBrief(judgeNodes("workers", [found({ member: undefined })], { hasConsul: false }), [
      ["ok", /found/],
    ]);
  });
});

describe("the members of a pool", () => {
  const member = (name: string, services: string[] | undefined) => ({
    pool: "workers",
    instanceId: `i-${name}`,
    member: name,
    services,
  });

  test("are found, or not, or are servers", () => {
    assertBrief(judgeMembers("workers", [member("a", ["nomad-client"])]), [["ok", /a/]]);
    assertBrief(judgeMembers("workers", [member("a", undefined)]), [["error", /none of a/]]);
    assertBrief(judgeMembers("workers", [member("a", []), member("b", undefined)]), [
      ["warning", /does not know b/],
    ]);
    assertBrief(judgeMembers("workers", [member("a", ["consul"])]), [["error", /is a server/]]);
  });
});

describe("a check that could not run", () => {
  const cause = (errorMessage: string) => JSON.stringify({ errorType: "Error", errorMessage });

  test("says why, and what to do about it", () => {
    const timedOut = explainNotRun("nomad", { Error: "Sandbox.Timedout", Cause: "" });
    assert.match(timedOut.what, /^Nomad could not be checked: Sandbox\.Timedout$/);
    assert.match(timedOut.remedy ?? "", /NAT gateway/);
    const denied = explainNotRun("groups", {
      Error: "AccessDenied",
      Cause: cause("User: … is not authorized to perform: autoscaling:DescribeAutoScalingGroups"),
    });
    assert.match(denied.what, /the groups could not be checked: AccessDenied: User: …/);
    assert.match(denied.remedy ?? "", /service control policy/);
    const other = explainNotRun("consul", { Error: "Runtime.ExitError", Cause: "it ended" });
    assert.match(other.what, /Consul could not be checked: Runtime\.ExitError: it ended/);
    assert.equal(other.severity, "error");
  });
});

describe("findings", () => {
  const anyFinding = fc.record({
    check: fc.constantFrom(...checks),
    severity: fc.constantFrom(...severities),
    subject: fc.string({ maxLength: 3 }),
  });

  test("come in one order, whatever order they were found in", () => {
    fc.assert(
      fc.property(fc.array(anyFinding, { maxLength: 12 }), (some) => {
        const findings = some.map(({ check, severity, subject }) => ({
          ...about(check, subject).ok(""),
          severity,
        }));
        const sorted = sortFindings(findings);
        assert.deepEqual(sortFindings(findings.toReversed()), sorted);
        const ranks = sorted.map(({ severity }) => severities.indexOf(severity));
        assert.deepEqual(
          ranks,
          ranks.toSorted((a, b) => a - b),
        );
      }),
    );
  });

  test("of which many are alike are told as one, and no kind of them is left out", () => {
    fc.assert(
      fc.property(fc.array(anyFinding, { maxLength: 200 }), (some) => {
        const findings = some.map(({ check, severity, subject }) => ({
          ...about(check, subject).warning("wrong", "mend it"),
          severity,
        }));
        const kinds = (list: readonly Finding[]) =>
          new Set(list.map(({ check, severity }) => `${check} ${severity}`));
        const few = condense(findings);
        assert.deepEqual(kinds(few), kinds(findings));
        for (const alike of Map.groupBy(few, (one) => `${one.check} ${one.severity}`).values())
          assert.ok(alike.length <= 26);
      }),
    );
    const many = Array.from({ length: 300 }, (_, index) =>
      about("hook", `group-${index}`).error("it has no hook", "give it one"),
    );
    const few = condense(many);
    assert.equal(few.length, 26);
    assert.deepEqual(
      [few[25]?.subject, few[25]?.what, few[25]?.severity],
      ["and 275 more", "such as group-25: it has no hook", "error"],
    );
    assert.deepEqual(condense(many.slice(0, 26)), many.slice(0, 26));
  });
});
