import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createConsul } from "../../../../rehearsal/emulators/consul/create-consul.ts";
import { seeded } from "../../../../rehearsal/random.ts";
import { createVirtualClock } from "../virtual-clock.ts";

const startDatacenter = (seed = 1) => {
  const clock = createVirtualClock();
  const consul = createConsul({ clock, random: seeded(seed) });
  consul.addServer({ name: "server-1", address: "10.0.0.1" });
  const call = async (method: string, path: string, body?: unknown) => {
    const request = new Request(`http://consul.internal:8500${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const response = await clock.until(consul.service(request));
    return { status: response.status, text: await response.text() };
  };
  return {
    clock,
    consul,
    call,
    addAgents: async (...names: string[]) => {
      for (const name of names) {
        consul.addAgent({
          name,
          address: `10.0.1.${names.indexOf(name) + 1}`,
          instanceId: `i-${name}`,
          services: [{ name: "web" }],
        });
      }
      await clock.when(() => names.every((name) => consul.truth.services(name)?.length === 1));
    },
    forceLeave: (name: string) => call("PUT", `/v1/agent/force-leave/${name}?prune`),
    deregister: (name: string) => call("PUT", "/v1/catalog/deregister", { Node: name }),
  };
};

const SEEDS = [1, 2, 3, 4, 5];

describe("agents of an emulated datacenter", () => {
  it("are taken for failed 5 to 6 s after their machine is gone", async () => {
    for (const seed of SEEDS) {
      const { clock, consul, addAgents } = startDatacenter(seed);
      await addAgents("a", "b");
      consul.powerOff("i-a");
      const took = await clock.when(() => consul.truth.member("a") === "failed");
      assert.ok(took >= 5 && took <= 6, `failed after ${took} s`);
      assert.equal(consul.truth.serfHealth("a"), "critical");
      assert.deepEqual(consul.truth.services("a"), ["web"]);
      assert.equal(consul.truth.member("b"), "alive");
    }
  });

  it("are suspected for longer where too few are left to confirm it", async () => {
    const { clock, consul, addAgents } = startDatacenter();
    await addAgents("a", "b", "c", "d");
    const ends: number[] = [];
    for (const name of ["a", "b", "c"]) {
      consul.powerOff(name);
      ends.push(await clock.when(() => consul.truth.member(name) === "failed"));
    }
    const [three, two, one] = ends.map(Math.round);
    assert.ok(three! >= 5 && three! <= 6, `${three} s with three left`);
    assert.ok(two! >= 12 && two! <= 14, `${two} s with two left`);
    assert.ok(one! >= 25 && one! <= 26, `${one} s with one left`);
  });

  it("are forgotten for good when they are failed and both calls are made", async () => {
    const { clock, consul, addAgents, forceLeave, deregister } = startDatacenter();
    await addAgents("a");
    consul.powerOff("a");
    await clock.pass(7);
    await forceLeave("a");
    await deregister("a");
    assert.equal(consul.truth.remembers("a"), false);
    await clock.pass(600);
    assert.equal(consul.truth.remembers("a"), false);
  });

  it("are remembered for 72 hours when nobody calls", async () => {
    const { clock, consul, addAgents } = startDatacenter();
    await addAgents("a");
    consul.powerOff("a");
    await clock.pass(71 * 3600);
    assert.equal(consul.truth.member("a"), "failed");
    await clock.pass(2 * 3600);
    assert.equal(consul.truth.remembers("a"), false);
  });

  it("undo a deregistration: the node within 6 to 17 s, its services within 41 s", async () => {
    for (const seed of SEEDS) {
      const { clock, consul, addAgents, deregister } = startDatacenter(seed);
      await addAgents("a");
      await deregister("a");
      assert.equal(consul.truth.services("a"), undefined);
      const node = await clock.when(() => consul.truth.services("a") !== undefined);
      assert.ok(node >= 5.9 && node <= 17, `the node after ${node} s`);
      assert.equal(consul.truth.serfHealth("a"), "passing");
      await clock.when(() => consul.truth.services("a")?.length === 1);
      await clock.pass(30);
      assert.deepEqual(consul.truth.services("a"), ["web"]);
    }
  });

  it("become zombies when they are pruned alive, until somebody deregisters them", async () => {
    for (const seed of SEEDS) {
      const { clock, consul, addAgents, forceLeave, deregister } = startDatacenter(seed);
      await addAgents("a");
      await forceLeave("a");
      assert.equal(consul.truth.remembers("a"), false);
      const back = await clock.when(() => consul.truth.remembers("a"));
      assert.ok(back >= 60 && back <= 120, `back after ${back} s`);
      consul.powerOff("a");
      await clock.pass(3600);
      assert.equal(consul.truth.member("a"), undefined);
      assert.equal(consul.truth.serfHealth("a"), undefined);
      assert.deepEqual(consul.truth.services("a"), ["web"]);
      await deregister("a");
      assert.equal(consul.truth.remembers("a"), false);
    }
  });

  it("are not let in under the name of a healthy node", async () => {
    const { clock, consul, addAgents } = startDatacenter();
    await addAgents("a");
    consul.addAgent({ name: "a", address: "10.0.9.9", instanceId: "i-other" });
    await clock.pass(60);
    const node = async () =>
      JSON.parse(
        await (
          await clock.until(consul.service(new Request("http://consul:8500/v1/catalog/node/a")))
        ).text(),
      ).Node.Address;
    assert.equal(await node(), "10.0.1.1");
  });

  it("take the name of a dead one, from another address only after half a minute", async () => {
    const { clock, consul, addAgents } = startDatacenter();
    await addAgents("a");
    consul.powerOff("a");
    await clock.when(() => consul.truth.member("a") === "failed");
    consul.addAgent({ name: "a", address: "10.0.9.9", instanceId: "i-other" });
    await clock.pass(25);
    assert.equal(consul.truth.member("a"), "failed");
    const took = await clock.when(() => consul.truth.member("a") === "alive");
    assert.ok(took < 15, `let in ${took} s later`);
    assert.equal(consul.truth.serfHealth("a"), "passing");
  });

  it("refute a force-leave or go on as leaving, and have left when they die", async () => {
    const seen = new Set<string | undefined>();
    for (const seed of SEEDS) {
      const { clock, consul, addAgents, call } = startDatacenter(seed);
      await addAgents("a");
      await call("PUT", "/v1/agent/force-leave/a");
      await clock.pass(1);
      const status = consul.truth.member("a");
      seen.add(status);
      assert.deepEqual(consul.truth.services("a"), ["web"]);
      consul.powerOff("a");
      await clock.pass(10);
      assert.equal(consul.truth.member("a"), status === "alive" ? "failed" : "left");
      assert.equal(consul.truth.services("a") === undefined, status === "leaving");
    }
    assert.deepEqual(seen, new Set(["alive", "leaving"]));
  });

  it("leave the catalog when they leave in order", async () => {
    for (const seed of SEEDS) {
      const { clock, consul, addAgents } = startDatacenter(seed);
      await addAgents("a");
      consul.leave("a");
      const took = await clock.when(() => consul.truth.services("a") === undefined);
      assert.ok(took >= 0.5 && took <= 4, `left after ${took} s`);
      assert.equal(consul.truth.member("a"), "left");
    }
  });

  it("register services that come and go", async () => {
    const { clock, consul, addAgents } = startDatacenter();
    await addAgents("a");
    consul.addService("a", { name: "api", id: "api-1", port: 80 });
    await clock.pass(1);
    assert.deepEqual(consul.truth.services("a"), ["web", "api"]);
    consul.removeService("a", "api-1");
    await clock.pass(1);
    assert.deepEqual(consul.truth.services("a"), ["web"]);
  });
});

describe("an emulated datacenter without a leader", () => {
  it("has no catalog, but still its members", async () => {
    const { clock, consul, addAgents, call } = startDatacenter();
    await addAgents("a");
    consul.setLeader(undefined);
    await clock.pass(3);
    const held = clock.now();
    const catalog = await call("GET", "/v1/catalog/node/a");
    assert.deepEqual([catalog.status, catalog.text], [500, "No cluster leader"]);
    assert.ok(clock.now() - held >= 7000);
    assert.equal((await call("GET", "/v1/agent/members")).status, 200);
    assert.equal((await call("GET", "/v1/status/leader")).text, '""');
    consul.setLeader("server-1");
    assert.equal((await call("GET", "/v1/catalog/node/a")).status, 200);
  });

  it("turns a dead member's check critical once there is a leader again", async () => {
    const { clock, consul, addAgents } = startDatacenter();
    await addAgents("a");
    consul.setLeader(undefined);
    consul.powerOff("a");
    await clock.pass(20);
    assert.equal(consul.truth.member("a"), "failed");
    assert.equal(consul.truth.serfHealth("a"), "passing");
    consul.setLeader("server-1");
    assert.equal(consul.truth.serfHealth("a"), "critical");
  });
});
