import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { drainBody, startRegion } from "./region.ts";

describe("the journal of an emulated region", () => {
  it("says who wrote what to a node, and how it stood before and after", async () => {
    const region = startRegion();
    const { nomad, clock, send } = region;
    const [node] = await region.addNodes(1);
    nomad.acl.addToken({ secret: "of-ops", accessor: "ops", type: "management" });
    const put = (path: string, body: unknown) =>
      clock.until(
        nomad.service(
          new Request(`http://nomad.internal:4646/v1/node/${node}/${path}`, {
            method: "PUT",
            body: JSON.stringify(body),
            headers: { "x-nomad-token": "of-ops" },
          }),
        ),
      );
    nomad.runJob({ id: "web" });
    await clock.when(() => nomad.truth.liveTasks(node!) === 1);
    await put("eligibility", { Eligibility: "ineligible" });
    await put("drain", drainBody(60));
    await put("drain", { DrainSpec: null });
    await put("purge", {});
    // Neither a read nor what is refused is a write.
    assert.equal((await clock.until(send("GET", `/v1/node/${node}`))).status, 403);
    assert.equal((await put("purge", {})).status, 500);

    const { journal } = nomad.truth;
    assert.deepEqual(
      journal.map(({ call, accessor, instanceId }) => [call, accessor, instanceId]),
      [
        ["eligibility", "ops", "i-1"],
        ["drain", "ops", "i-1"],
        ["drain", "ops", "i-1"],
        ["purge", "ops", "i-1"],
      ],
    );
    const [cordon, drain, cancel, purge] = journal;
    assert.deepEqual([cordon?.before.eligible, cordon?.after?.eligible], [true, false]);
    assert.equal(drain?.before.drain, null);
    assert.equal(drain.before.work, 1);
    assert.deepEqual(drain?.after?.drain, {
      until: Math.floor(drain.at + 60_000),
      ignoreSystemJobs: false,
      accessor: "ops",
    });
    assert.deepEqual(cancel?.before.drain, drain?.after?.drain);
    assert.equal(cancel?.after?.drain, null);
    assert.equal(purge?.after, undefined);
  });
});

describe("the census of an emulated region", () => {
  const drainBoth = async (maxParallel: "kept" | "ignored") => {
    const region = startRegion({ maxParallel });
    const { nomad, clock, call, running } = region;
    const nodes = await region.addNodes(2, { capacity: 1 });
    nomad.runJob({ id: "web", groups: [{ count: 2 }] });
    await clock.when(() => running("web").length === 2);
    await clock.pass(15);
    await region.addNodes(2, { capacity: 1 });
    for (const node of nodes) await call("PUT", `/v1/node/${node}/drain`, drainBody(600));
    await clock.when(() => nodes.every((node) => !nomad.truth.node(node)?.DrainStrategy));
    return nomad.truth.census.shortages;
  };

  it("tells of a service that two drains leave with too little", async () => {
    const [shortage, ...more] = await drainBoth("ignored");
    assert.deepEqual(more, []);
    assert.deepEqual(
      { job: shortage?.job, healthy: shortage?.healthy, least: shortage?.least },
      { job: "web", healthy: 0, least: 1 },
    );
    assert.deepEqual(shortage?.drains.map(({ instanceId }) => instanceId).sort(), ["i-1", "i-2"]);
  });

  it("keeps every drain, from its beginning to its end, and whose it was", async () => {
    const region = startRegion();
    const { nomad, clock, call } = region;
    const [node] = await region.addNodes(1);
    nomad.runJob({ id: "web" });
    await clock.when(() => nomad.truth.liveTasks(node!) === 1);
    await call("PUT", `/v1/node/${node}/drain`, drainBody(60));
    const [open, ...more] = nomad.truth.census.drains;
    assert.deepEqual(more, []);
    assert.deepEqual([open?.instanceId, open?.endedAt], ["i-1", undefined]);
    await clock.when(() => !nomad.truth.node(node!)?.DrainStrategy);
    assert.ok(open!.endedAt! > open!.startedAt);
  });

  it("tells nothing where each waits for the other", async () => {
    assert.deepEqual(await drainBoth("kept"), []);
  });

  it("tells nothing of what one drain takes alone, at its deadline", async () => {
    const region = startRegion({ maxParallel: "ignored" });
    const { nomad, clock, call, running } = region;
    const [first] = await region.addNodes(1, { capacity: 2 });
    nomad.runJob({ id: "web", groups: [{ count: 2 }] });
    await clock.when(() => running("web").length === 2);
    await clock.pass(15);
    const [second] = await region.addNodes(1, { capacity: 0 });
    for (const node of [first, second]) await call("PUT", `/v1/node/${node}/drain`, drainBody(30));
    await clock.pass(60);
    assert.equal(running("web").length, 0);
    assert.deepEqual(nomad.truth.census.shortages, []);
  });
});
