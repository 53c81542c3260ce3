import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import * as v from "valibot";
import { ClusterFailure, type FailureKind } from "../../../../lambdas/clients/cluster-api.ts";
import type { NodeStub } from "../../../../lambdas/clients/nomad.ts";
import type { Hook, Node } from "../../../../lambdas/retire/retirement.ts";
import {
  chooseNode,
  judgeNode,
  type Sighting,
} from "../../../../lambdas/retire/rules/judge-node.ts";
import { poolSettings } from "../../../../lambdas/runtime/pool-settings.ts";

const now = Date.UTC(2026, 0, 5, 9);
const iso = (seconds: number) => new Date(now + seconds * 1000).toISOString();
const hook = (secondsLeft: number): Hook => ({
  name: "drover-default/retire",
  token: "token",
  heartbeatSeconds: 1728,
  startedAt: iso(0),
  deadline: iso(secondsLeft),
});
const known = (changes: { since?: string; hook?: Hook | null; node?: Node } = {}) => ({
  since: iso(0),
  hook: hook(48 * 3600),
  settings: v.parse(poolSettings, {}),
  ...changes,
});
const stub = (ID: string, Status: NodeStub["Status"] = "ready"): NodeStub => ({
  ID,
  Name: `name-of-${ID}`,
  Status,
  SchedulingEligibility: "eligible",
  Drain: false,
  LastDrain: null,
});
const found = (changes: Partial<Extract<Sighting, { kind: "found" }>> = {}): Sighting => ({
  kind: "found",
  nodes: [stub("n-1")],
  node: stub("n-1"),
  member: "member-1",
  server: undefined,
  ...changes,
});
const failure = (kind: FailureKind): Sighting => ({
  kind: "failure",
  failure: new ClusterFailure("Nomad", kind, "GET /v1/nodes", { status: 500, text: "no leader" }),
});
const judge = (sighting: Sighting, about = known(), random = () => 0.5) =>
  judgeNode(sighting, about, now, random);
const none: Sighting = { kind: "none", knowsAnyInstance: true };

describe("the answer of find node", () => {
  for (const [title, sighting, about, answer, next, explanation] of [
    ["a registered node is retired", found(), known(), "registered", "retire", /is ready/],
    [
      "a node that is down needs no drain",
      found({ node: stub("n-1", "down") }),
      known(),
      "down",
      "complete",
      /nothing to drain/,
    ],
    [
      "a node out of touch is retired like any other",
      found({ node: stub("n-1", "disconnected") }),
      known(),
      "registered",
      "retire",
      /disconnected/,
    ],
    [
      "of two nodes with one instance id the live one is retired, and said so",
      found({ nodes: [stub("n-0", "down"), stub("n-1")] }),
      known(),
      "ambiguous",
      "retire",
      /2 nodes have this instance id; n-1/,
    ],
    [
      "a server is refused, also when it is down",
      found({ node: stub("n-1", "down"), server: "it is Nomad's server s-1" }),
      known(),
      "server",
      "refuse",
      /never retires: it is Nomad's server s-1/,
    ],
    [
      "unregistered and young: it may still join",
      none,
      known({ since: iso(-599) }),
      "unregistered",
      "look-again",
      /1 s left to join/,
    ],
    [
      "unregistered and old: it never joined",
      none,
      known({ since: iso(-600) }),
      "unregistered",
      "complete",
      /No node joined within 600 s/,
    ],
    [
      "no instance at all: the settings are wrong, however old the event",
      { kind: "none", knowsAnyInstance: false },
      known({ since: iso(-86_400) }),
      "unreachable",
      "look-again",
      /address or region/,
    ],
    [
      "an outage: asked again",
      failure("unreachable"),
      known(),
      "unreachable",
      "look-again",
      /no leader/,
    ],
    ["busy: asked again", failure("busy"), known(), "unreachable", "look-again", /busy/],
    [
      "a refused token: asked again",
      failure("refused"),
      known(),
      "refused",
      "look-again",
      /Nomad refuses the token/,
    ],
    [
      "a weak token: asked again, and what it lacks",
      { kind: "weak token", missing: ['node { policy = "write" }', "another"] },
      known(),
      "refused",
      "look-again",
      /lacks node \{ policy = "write" \} and another/,
    ],
    [
      "an outage up to the hook's limit: given up, a minute before Auto Scaling would",
      failure("unreachable"),
      known({ hook: hook(60) }),
      "unreachable",
      "give-up",
      /The hook lives no longer/,
    ],
  ] as const) {
    test(title, () => {
      const judged = judge(sighting, about);
      assert.deepEqual([judged.answer, judged.next], [answer, next]);
      assert.match(judged.explanation, explanation);
      assert.equal(judged.waitSeconds > 0, next === "look-again");
    });
  }

  test("names the node, and Consul's member, which is needed when both are gone", () => {
    const { id, name, member } = judge(found());
    assert.deepEqual({ id, name, member }, { id: "n-1", name: "name-of-n-1", member: "member-1" });
  });

  test("keeps what was known of the node when it cannot be asked, or is gone since", () => {
    const before = judge(found());
    for (const sighting of [failure("unreachable"), none]) {
      const { id, name, member } = judge(sighting, known({ since: iso(-3600), node: before }));
      assert.deepEqual([id, name, member], ["n-1", "name-of-n-1", "member-1"]);
    }
    const other = judge(found({ node: stub("n-2") }), known({ node: before }));
    assert.equal(other.id, "n-2");
  });

  test("says since when it is the same", () => {
    const before: Node = { ...judge(failure("unreachable")), since: iso(-1000) };
    assert.equal(judge(failure("unreachable"), known({ node: before })).since, iso(-1000));
    assert.equal(judge(failure("refused"), known({ node: before })).since, iso(0));
  });

  test("pauses longer the longer it lasts, within what alarms and heartbeats need", () => {
    const lasting = (seconds: number) => ({
      ...judge(failure("unreachable")),
      since: iso(-seconds),
    });
    const pauseAfter = (seconds: number, random: () => number) =>
      judge(failure("unreachable"), known({ node: lasting(seconds) }), random).waitSeconds;
    assert.equal(
      pauseAfter(0, () => 0.5),
      15,
    );
    assert.equal(
      pauseAfter(1000, () => 0.5),
      100,
    );
    assert.equal(
      pauseAfter(86_400, () => 0.999_999),
      250,
    );
    assert.equal(judge(failure("unreachable"), known({ hook: hook(70) })).waitSeconds, 10);
  });

  test("after a step that failed is to wait first: that keeps the hook alive and bounds the turns", () => {
    const before = judge(found());
    const back = judge(found(), known({ node: before }));
    assert.deepEqual([back.answer, back.next, back.id], ["registered", "look-again", "n-1"]);
    assert.ok(back.waitSeconds >= 11);
    const again = judge(found(), known({ node: back }));
    assert.deepEqual([again.next, again.waitSeconds], ["begin-again", 0]);
    assert.equal(judge(found(), known({ node: again })).next, "retire");
    const late = judge(found(), known({ node: before, hook: hook(60) }));
    assert.equal(late.next, "give-up");
  });
});

describe("an outage", () => {
  const anyTrouble = fc.oneof(
    fc.constantFrom<FailureKind>("unreachable", "refused", "busy", "missing").map(failure),
    fc.constant<Sighting>({ kind: "weak token", missing: ["x"] }),
    fc.constant<Sighting>({ kind: "none", knowsAnyInstance: false }),
  );

  test("decides no hook before its limit, however long it lasts", () => {
    const anyAge = fc.integer({ min: 0, max: 4 * 86_400 });
    fc.assert(
      fc.property(
        anyTrouble,
        anyAge,
        fc.integer({ min: -60, max: 172_800 }),
        (trouble, age, left) => {
          const about = known({ since: iso(-age), hook: hook(left) });
          const { next } = judge(trouble, about);
          assert.equal(next, left <= 60 ? "give-up" : "look-again");
          assert.equal(judge(trouble, { ...about, hook: null }).next, "look-again");
        },
      ),
    );
  });
});

describe("of several nodes", () => {
  test("the live one is chosen", () => {
    const statuses = ["down", "disconnected", "initializing", "ready"] as const;
    for (const [index, best] of statuses.entries()) {
      const nodes = statuses.slice(0, index + 1).map((status) => stub(status, status));
      assert.equal(chooseNode(nodes)?.ID, best);
      assert.equal(chooseNode(nodes.toReversed())?.ID, best);
    }
    assert.equal(chooseNode([]), undefined);
  });
});
