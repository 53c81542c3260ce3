import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import * as findNode from "../../../lambdas/retire/find-node.ts";
import * as forgetNode from "../../../lambdas/retire/forget-node.ts";
import * as lookAgain from "../../../lambdas/retire/look-again.ts";
import type { Forgotten, Node } from "../../../lambdas/retire/retirement.ts";
import { type Bench, startBench } from "../bench.ts";
import { raiseGroup, retirementOf, type RetirementChanges } from "../pool.ts";
import { noDrains } from "./stages.ts";

let bench: Bench;
beforeEach(async () => void (bench = await startBench()));
afterEach(() => bench.end());

/** An execution whose instance has ended. */
const ended = async (changes: RetirementChanges = {}) => {
  const [instance] = await raiseGroup(bench, { desired: 2 });
  assert.ok(instance);
  const retirement = retirementOf(bench, instance, changes);
  const node = await bench.call<Node>(findNode, retirement);
  bench.nomad.powerOff(instance.id);
  bench.consul.powerOff(instance.id);
  await bench.until(() => bench.consul.truth.member(instance.id) === "failed");
  bench.operations();
  return { instance, state: { ...retirement, node } };
};
const forget = (state: unknown) => bench.call<Forgotten>(forgetNode, state);
const look = (state: unknown) => bench.call<Forgotten>(lookAgain, state);
const isRemembered = (id: string) =>
  bench.nomad.truth.node(id) !== undefined || bench.consul.truth.remembers(id);
const cordonWith = (...ids: string[]) => ({
  at: "2026-01-05T09:00:00.000Z",
  by: "drover",
  volumes: ids.map((id) => ({ id, namespace: "default" })),
  migratingDisks: [],
  drains: noDrains,
});

describe("a machine that has ended", () => {
  test("is forgotten by Consul, in both its memories, and by Nomad", async () => {
    const { instance, state } = await ended();
    const forgotten = await forget(state);
    assert.deepEqual(
      [forgotten.done, forgotten.nomad, forgotten.consul, forgotten.waitSeconds],
      [true, "purged", "deregistered", 90],
    );
    assert.equal(isRemembered(instance.id), false);
    assert.deepEqual(
      bench.operations("internal").filter((each) => each.startsWith("PUT")),
      [
        `PUT /v1/agent/force-leave/${instance.id}`,
        "PUT /v1/catalog/deregister",
        `PUT /v1/node/${state.node.id}/purge`,
      ],
    );
    await bench.pass(90);
    assert.deepEqual((await look({ ...state, forgotten })).explanation, "Forgotten.");
  });

  test("is forgotten twice without harm, as after a crash before the answer", async () => {
    const { instance, state } = await ended();
    await forget(state);
    const again = await forget(state);
    assert.deepEqual([again.done, again.nomad, again.consul], [true, "unknown", "deregistered"]);
    assert.equal(isRemembered(instance.id), false);
  });

  test("that joined too late to be found is found now", async () => {
    const { instance, state } = await ended();
    const { answer, next, explanation, waitSeconds, since } = state.node;
    const never = { answer, next, explanation, waitSeconds, since };
    const forgotten = await forget({ ...state, node: never });
    assert.deepEqual([forgotten.nomad, forgotten.consul], ["purged", "deregistered"]);
    assert.equal(isRemembered(instance.id), false);
  });

  test("that never joined has left nothing behind", async () => {
    const { state } = await ended();
    const { id: _id, name: _name, member: _member, ...node } = state.node;
    const stranger = { ...state, instanceId: "i-0000000000000000f", node };
    const forgotten = await forget(stranger);
    assert.deepEqual(
      [forgotten.done, forgotten.nomad, forgotten.consul],
      [true, "unknown", "unknown"],
    );
    assert.equal((await look({ ...stranger, forgotten })).done, true);
  });

  test("needs no Consul where there is none", async () => {
    const { state } = await ended();
    const { CONSUL_HTTP_ADDR: _address, ...env } = bench.surroundings.env;
    const forgotten = await bench.container(forgetNode, { env })<Forgotten>(state);
    assert.deepEqual([forgotten.nomad, forgotten.consul], ["purged", "not used"]);
    const seen = await bench.container(lookAgain, { env })<Forgotten>({ ...state, forgotten });
    assert.equal(seen.done, true);
  });

  test("is left to Nomad while a volume names it: a purge would pin the claim for ever", async () => {
    const { instance, state } = await ended();
    const claimed = { ID: "data", Namespace: "default", Allocations: [{ NodeID: state.node.id }] };
    bench.meddle(({ path }) =>
      path === "/v1/volume/csi/data" ? { status: 200, body: JSON.stringify(claimed) } : undefined,
    );
    const forgotten = await forget({ ...state, cordon: cordonWith("data") });
    assert.deepEqual([forgotten.done, forgotten.nomad], [true, "left to garbage collection"]);
    assert.match(forgotten.explanation, /left to Nomad's own garbage collection/);
    assert.notEqual(bench.nomad.truth.node(instance.id), undefined);
    // It is to stay, so it is not taken for one that came back.
    assert.equal((await look({ ...state, forgotten })).done, true);
  });

  test("is purged when its volumes are free", async () => {
    const { state } = await ended();
    const free = { ID: "data", Namespace: "default", Allocations: [{ NodeID: "another" }] };
    bench.meddle(({ path }) =>
      path === "/v1/volume/csi/data" ? { status: 200, body: JSON.stringify(free) } : undefined,
    );
    assert.equal((await forget({ ...state, cordon: cordonWith("data", "gone") })).nomad, "purged");
  });

  test("of an observe-only pool is remembered: nothing is touched, and nothing comes back", async () => {
    const { instance, state } = await ended({ settings: { observeOnly: true } });
    const forgotten = await forget(state);
    assert.equal(forgotten.done, true);
    assert.match(forgotten.explanation, /observe-only/);
    assert.equal((await look({ ...state, forgotten })).done, true);
    assert.ok(isRemembered(instance.id));
    assert.deepEqual(bench.operations("internal"), []);
  });
});

describe("an outage", () => {
  test("of Consul keeps nothing from Nomad, and Consul is asked again", async () => {
    const { instance, state } = await ended();
    bench.consul.setOutage("refused");
    const forgotten = await forget(state);
    assert.deepEqual(
      [forgotten.done, forgotten.nomad, forgotten.consul],
      [false, "purged", "to do"],
    );
    assert.deepEqual(bench.metrics(), [{ pool: "workers", ConsulUnreachable: 1 }]);
    await assert.rejects(look({ ...state, forgotten }), { name: "StillRemembered" });
    bench.consul.setOutage(undefined);
    assert.equal((await forget({ ...state, forgotten })).done, true);
    assert.equal(isRemembered(instance.id), false);
  });

  test("of Nomad keeps nothing from Consul", async () => {
    const { instance, state } = await ended();
    bench.nomad.setOutage("refused");
    const forgotten = await forget(state);
    assert.deepEqual(
      [forgotten.done, forgotten.nomad, forgotten.consul],
      [false, "to do", "deregistered"],
    );
    assert.deepEqual(bench.metrics(), [{ pool: "workers", NomadUnreachable: 1 }]);
    assert.equal(bench.consul.truth.remembers(instance.id), false);
  });

  test("is waited out with growing pauses, for a day", async () => {
    const { state } = await ended();
    bench.nomad.setOutage("refused");
    const first = await forget(state);
    assert.ok(first.waitSeconds >= 22 && first.waitSeconds <= 38);
    await bench.pass(23 * 3600);
    const late = await forget({ ...state, forgotten: first });
    assert.equal(late.since, first.since);
    assert.ok(late.waitSeconds >= 150 && late.waitSeconds <= 250);
    await bench.pass(2 * 3600);
    await assert.rejects(forget({ ...state, forgotten: late }), /not forgotten within a day/);
  });

  test("while looking again is no answer: it is forgotten and looked at once more", async () => {
    const { state } = await ended();
    const forgotten = await forget(state);
    bench.nomad.setOutage("refused");
    await assert.rejects(look({ ...state, forgotten }), { name: "StillRemembered" });
    assert.equal(bench.metrics().length, 1);
  });
});

describe("what comes back", () => {
  test("in Nomad is seen, and forgotten once more", async () => {
    const { instance, state } = await ended();
    const forgotten = await forget(state);
    bench.nomad.addNode({
      instanceId: instance.id,
      address: instance.privateIp,
      nodeId: state.node.id ?? "",
    });
    await bench.pass(90);
    await assert.rejects(look({ ...state, forgotten }), {
      name: "StillRemembered",
      message: "It came back in Nomad.",
    });
    assert.equal((await forget({ ...state, forgotten })).nomad, "purged");
  });

  test("in Consul as a zombie is seen, and deregistered", async () => {
    const [instance] = await raiseGroup(bench);
    assert.ok(instance);
    const retirement = retirementOf(bench, instance);
    const node = await bench.call<Node>(findNode, retirement);
    const state = { ...retirement, node };
    // Forgotten too early: the agent still lives, and puts itself back.
    const forgotten = await forget(state);
    bench.nomad.powerOff(instance.id);
    await bench.until(() => bench.consul.truth.services(instance.id) !== undefined);
    bench.consul.powerOff(instance.id);
    await assert.rejects(look({ ...state, forgotten }), {
      name: "StillRemembered",
      message: /Consul/,
    });
    await forget({ ...state, forgotten });
    assert.equal(bench.consul.truth.remembers(instance.id), false);
  });
});
