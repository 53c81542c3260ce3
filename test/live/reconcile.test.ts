import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { composeSleepJob } from "../../rehearsal/agents/jobs.ts";
import { createPerson } from "../../rehearsal/scenarios/person.ts";
import { type LiveWorld, startLiveWorld } from "./live-world.ts";

interface Report {
  readonly findings: readonly string[];
  readonly repairs: readonly { readonly outcome: string; readonly why: string }[];
  readonly unknown: readonly string[];
}

describe("the reconciler with real Nomad and Consul agents", { timeout: 600_000 }, () => {
  let live: LiveWorld;
  let serial = 0;

  before(async () => {
    live = await startLiveWorld({ pools: [{ pool: "workers" }, { pool: "batch" }] });
  });
  after(() => live?.stop());

  const reconcile = async (input: object): Promise<Report> => {
    const name = `by-hand-reconcile-${(serial += 1)}`;
    const execution = await live.startByHand(name, input, "reconcile");
    await live.cluster.waitFor("the end of a run", () => execution.status !== "RUNNING", 300_000);
    assert.equal(execution.status, "SUCCEEDED", `${execution.error}: ${execution.cause}`);
    return JSON.parse(execution.output ?? "{}") as Report;
  };
  const entered = (instanceId: string, state: string) =>
    live.cluster.waitFor(`the state "${state}" of ${instanceId}`, () => {
      const execution = live.executionOf(instanceId);
      const run = execution && live.world.engine.runs.get(execution.executionArn);
      return run?.events.some((event) => event.type === "StateEntered" && event.state === state);
    });
  /** Stops executions, and nobody is told of it. */
  const stopUnnoticed = async (instanceIds: readonly string[]): Promise<void> => {
    live.world.bus.setFaults({ losses: 1 });
    for (const instanceId of instanceIds) {
      await createPerson(live.world).stop(instanceId);
      assert.equal((await live.ended(instanceId)).status, "ABORTED");
    }
    live.world.bus.setFaults({ losses: 0 });
  };
  const phaseOf = (instanceId: string): unknown =>
    live.world.stack.tables
      .flatMap(({ name }) => [...live.world.dynamoDb.items(name)])
      .map((item) => unmarshall(item as Record<string, AttributeValue>))
      .find(({ pk }) => pk === `instance#${instanceId}`)?.["ownership"].phase;
  const sightOf = async (instanceId: string) => {
    const node = await live.node(instanceId);
    return [node?.SchedulingEligibility, node?.Drain];
  };
  const phasesOf = (instanceIds: readonly string[]) => new Set(instanceIds.map(phaseOf));

  /** Whose instances stay: one drains, one is cordoned, one a person has cordoned since. */
  let staying: readonly [string, string, string];
  /** Whose instances have ended: one whose node is left, one of which only Consul knows. */
  let ended: readonly [string, string];
  const isDown = async (id: string) => (await live.node(id))?.Status === "down";

  const leaveStaying = async () => {
    const all = (await live.scale("workers", 3)) as [string, string, string];
    const [draining, cordoned, theirs] = all;
    // The drain has something to wait for, and the others wait for its slot.
    await live.cluster.runJob(
      composeSleepJob("hours", { type: "batch", pool: "workers", count: 3 }),
    );
    await live.cluster.waitFor("work on each", async () =>
      (await live.allocationsOf("hours")).every(({ ClientStatus }) => ClientStatus === "running"),
    );
    await live.startByHand("by-hand-1", { instanceId: draining });
    await live.draining(draining);
    for (const [index, instanceId] of [cordoned, theirs].entries()) {
      await live.startByHand(`by-hand-${index + 2}`, { instanceId });
      await entered(instanceId, "Wait for a slot");
    }
    await stopUnnoticed(all);
    const { ID } = (await live.node(theirs))!;
    for (const Eligibility of ["eligible", "ineligible"])
      await live.cluster.nomadApi("PUT", `/v1/node/${ID}/eligibility`, { Eligibility });
    return all;
  };
  const leaveEnded = async () => {
    const both = (await live.scale("batch", 2)) as [string, string];
    for (const instanceId of both) await live.terminate(instanceId);
    for (const instanceId of both) await entered(instanceId, "Let the instance end");
    await stopUnnoticed(both);
    for (const instanceId of both)
      await live.cluster.waitFor(`${instanceId} to be down`, () => isDown(instanceId), 120_000);
    const { ID } = (await live.node(both[1]))!;
    await live.cluster.nomadApi("PUT", `/v1/node/${ID}/purge`);
    return both;
  };

  it("finds what executions have left that were stopped, and as a report changes nothing", async () => {
    ended = await leaveEnded();
    staying = await leaveStaying();
    const stopped = await Promise.all(staying.map(sightOf));
    assert.deepEqual(stopped, [
      ["ineligible", true],
      ["ineligible", false],
      ["ineligible", false],
    ]);
    // Once the functions of the executions are certain to be over.
    const { findings, repairs, unknown } = await reconcile({});
    assert.deepEqual([repairs, unknown], [[], []]);
    for (const finding of [
      `${staying[0]} stays .* It drains for us`,
      `${staying[1]} stays .* We have cordoned it`,
      `Nomad still remembers the node ${ended[0]}`,
      `Consul still remembers the member ${ended[1]}`,
    ])
      assert.match(findings.join("\n"), new RegExp(finding));
    assert.deepEqual(await Promise.all(staying.map(sightOf)), stopped);
    assert.ok(await isDown(ended[0]));
    assert.deepEqual(phasesOf([...staying, ...ended]), new Set(["retiring"]));
  });

  it("gives back what Drover has cordoned and drained, and has forgotten what has ended", async () => {
    const { repairs, unknown } = await reconcile({ mode: "repair" });
    assert.deepEqual(unknown, []);
    assert.deepEqual(new Set(repairs.map(({ outcome }) => outcome)), new Set(["repaired"]));
    assert.deepEqual(await Promise.all(staying.map(sightOf)), [
      ["eligible", false],
      ["eligible", false],
      // A person's.
      ["ineligible", false],
    ]);
    await live.cluster.waitFor("both to be forgotten", async () => {
      const { nodes, members } = await live.world.park.look();
      return !ended.some((id) => nodes.some(({ name }) => name === id) || members.includes(id));
    });
    assert.deepEqual(phasesOf(staying), new Set(["failed"]));
    assert.deepEqual(phasesOf(ended), new Set(["retired"]));
  });

  it("finds nothing any more", async () => {
    const { findings, repairs, unknown } = await reconcile({ mode: "repair" });
    assert.deepEqual([findings, repairs, unknown], [[], [], []]);
  });
});
