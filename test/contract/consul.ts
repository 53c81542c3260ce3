import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { eventually } from "./eventually.ts";
import {
  readCatalog,
  readChecks,
  readMember,
  servicesOf,
  type ConsulTarget,
  type OpenedConsul,
} from "./consul-target.ts";

type Case = (target: ConsulTarget) => Promise<void>;

const forceLeave = (target: ConsulTarget, name: string, token?: string) =>
  target.call("PUT", `/v1/agent/force-leave/${name}?prune`, token === undefined ? {} : { token });
const deregister = (target: ConsulTarget, name: string, token?: string) =>
  target.call("PUT", "/v1/catalog/deregister", {
    body: { Datacenter: target.datacenter, Node: name },
    ...(token === undefined ? {} : { token }),
  });

export const consulCases: Record<string, Case> = {
  // The longest one comes first, so that it runs beside all others.
  "a living agent that is pruned comes back as a zombie": async (target) => {
    const { name, service } = await target.addAgent();
    assert.equal((await forceLeave(target, name)).status, 200);
    await eventually(
      target,
      "the catalog forgets it",
      10,
      async () => (await readCatalog(target, name)) === null,
    );
    assert.equal(await readMember(target, name), undefined);
    await target.pause(30);
    assert.equal(await readCatalog(target, name), null, "not back for a good while");
    await eventually(target, "it is back", 130, async () =>
      servicesOf(await readCatalog(target, name)).includes(service),
    );
    assert.equal(await readMember(target, name), undefined);
    assert.equal((await readChecks(target, name))["serfHealth"], undefined);
    await target.powerOff(name);
    await target.pause(15);
    assert.equal((await readChecks(target, name))["serfHealth"], undefined);
    assert.notEqual(await readCatalog(target, name), null, "it stays although it is dead");
    await deregister(target, name);
    assert.equal(await readCatalog(target, name), null);
  },

  "knows a living agent as a member, in the catalog and by its health": async (target) => {
    const { name, service } = await target.addAgent();
    assert.equal(await readMember(target, name), "alive");
    const view = await readCatalog(target, name);
    assert.equal(view?.Node.Node, name);
    assert.equal(view?.Node.Datacenter, target.datacenter);
    assert.ok(servicesOf(view).includes(service));
    assert.equal((await readChecks(target, name))["serfHealth"], "passing");
    const list = await target.call("GET", `/v1/catalog/node-services/${name}`);
    const services = list.json<{ Services: { Service: string }[] }>().Services;
    assert.ok(services.some((one) => one.Service === service));
  },

  "finds nodes by a filter": async (target) => {
    const { name } = await target.addAgent();
    const find = (filter: string) =>
      target.call("GET", `/v1/catalog/nodes?filter=${encodeURIComponent(filter)}`);
    const found = await find(`Node == "${name}" and Datacenter == "${target.datacenter}"`);
    assert.deepEqual(
      found.json<{ Node: string }[]>().map((node) => node.Node),
      [name],
    );
    assert.deepEqual((await find('Meta["no-such"] == "x"')).json(), []);
    assert.notEqual((await find('Nonsense == "x"')).status, 200);
  },

  "knows nothing of an unknown node": async (target) => {
    assert.equal(await readCatalog(target, "nobody"), null);
    assert.deepEqual((await target.call("GET", "/v1/health/node/nobody")).json(), []);
    const list = await target.call("GET", "/v1/catalog/node-services/nobody");
    assert.equal(list.json<{ Node: unknown }>().Node, null);
    const gone = await deregister(target, "nobody");
    assert.deepEqual([gone.status, gone.json()], [200, true]);
    const left = await forceLeave(target, "nobody");
    assert.equal(left.status, 500);
    assert.match(left.text, /No node found/);
    assert.notEqual((await target.call("PUT", "/v1/catalog/deregister", { body: {} })).status, 200);
  },

  "tells leader and peers": async (target) => {
    const leader = (await target.call("GET", "/v1/status/leader")).json<string>();
    assert.match(leader, /:8300$/);
    const peers = (await target.call("GET", "/v1/status/peers")).json<string[]>();
    assert.ok(peers.includes(leader));
    assert.equal((await target.call("GET", "/v1/catalog/nodes?dc=elsewhere")).status, 500);
  },

  "takes a killed agent for failed, and forgets it when told both ways": async (target) => {
    const { name, service } = await target.addAgent();
    const began = target.seconds();
    await target.powerOff(name);
    await eventually(
      target,
      "it has failed",
      20,
      async () => (await readMember(target, name)) === "failed",
    );
    const took = target.seconds() - began;
    assert.ok(took > 2, `failed after ${took} s`);
    await eventually(
      target,
      "its health is critical",
      3,
      async () => (await readChecks(target, name))["serfHealth"] === "critical",
    );
    const view = await readCatalog(target, name);
    assert.ok(servicesOf(view).includes(service), "its services are still there");

    assert.equal((await forceLeave(target, name)).status, 200);
    await eventually(
      target,
      "the member is gone",
      5,
      async () => (await readMember(target, name)) === undefined,
    );
    assert.equal((await deregister(target, name)).status, 200);
    assert.equal(await readCatalog(target, name), null);
    await target.pause(20);
    assert.equal(await readCatalog(target, name), null);
    assert.equal(await readMember(target, name), undefined);
    assert.match((await forceLeave(target, name)).text, /No node found/);
  },

  "a force-leave alone cleans the catalog too": async (target) => {
    const { name } = await target.addAgent();
    await target.powerOff(name);
    await eventually(
      target,
      "it has failed",
      20,
      async () => (await readMember(target, name)) === "failed",
    );
    assert.equal((await forceLeave(target, name)).status, 200);
    await eventually(
      target,
      "the catalog is clean",
      10,
      async () => (await readCatalog(target, name)) === null,
    );
  },

  "a failed agent that is only deregistered stays a failed member": async (target) => {
    const { name } = await target.addAgent();
    await target.powerOff(name);
    await eventually(
      target,
      "it has failed",
      20,
      async () => (await readMember(target, name)) === "failed",
    );
    await deregister(target, name);
    await target.pause(20);
    assert.equal(await readCatalog(target, name), null);
    assert.equal(await readMember(target, name), "failed");
  },

  "a living agent undoes its deregistration": async (target) => {
    const { name, service } = await target.addAgent();
    assert.equal((await deregister(target, name)).status, 200);
    assert.equal(await readCatalog(target, name), null);
    await eventually(
      target,
      "the node is back",
      25,
      async () => (await readCatalog(target, name)) !== null,
    );
    await eventually(target, "its service is back", 60, async () =>
      servicesOf(await readCatalog(target, name)).includes(service),
    );
  },

  "a living agent outlives a force-leave, but may be called leaving": async (target) => {
    const { name, service } = await target.addAgent();
    const answer = await target.call("PUT", `/v1/agent/force-leave/${name}`);
    assert.equal(answer.status, 200);
    await target.pause(5);
    assert.match((await readMember(target, name)) ?? "", /^(alive|leaving)$/);
    assert.ok(servicesOf(await readCatalog(target, name)).includes(service));
    assert.equal((await readChecks(target, name))["serfHealth"], "passing");
  },

  "a name that a living agent has is refused to another one": async (target) => {
    const { name } = await target.addAgent();
    const first = await readCatalog(target, name);
    await target.addAgent(name);
    await target.pause(15);
    assert.deepEqual((await readCatalog(target, name))?.Node.ID, first?.Node.ID);
    assert.equal((await readCatalog(target, name))?.Node.Address, first?.Node.Address);
    assert.equal(await readMember(target, name), "alive");
    assert.equal((await readChecks(target, name))["serfHealth"], "passing");
  },

  "an agent that leaves in order takes its entry along": async (target) => {
    const { name } = await target.addAgent();
    await target.leave(name);
    await eventually(
      target,
      "the catalog is clean",
      20,
      async () => (await readCatalog(target, name)) === null,
    );
    assert.equal(await readMember(target, name), "left");
  },

  "asks for operator:write to force a leave, and node:write to deregister": async (target) => {
    const { name } = await target.addAgent();
    const reader = await target.createToken({ node: "read", service: "read" });
    const nodes = await target.createToken({ node: "write" });
    const operator = await target.createToken({ operator: "write", node: "read" });
    for (const refused of [
      await forceLeave(target, "nobody", nodes),
      await deregister(target, name, operator),
      await deregister(target, name, reader),
    ]) {
      assert.equal(refused.status, 403);
      assert.match(refused.text, /^Permission denied/);
    }
    assert.match((await forceLeave(target, "nobody", operator)).text, /No node found/);
    assert.equal((await deregister(target, "nobody", nodes)).status, 200);
    const unknown = await forceLeave(target, name, "00000000-0000-4000-8000-000000000000");
    assert.equal(unknown.status, 403);
  },

  "leaves out silently what a token may not read": async (target) => {
    const { name } = await target.addAgent();
    const blind = await target.createToken({ operator: "write" });
    const half = await target.createToken({ node: "read" });
    const hidden = await target.call("GET", "/v1/catalog/nodes", { token: blind });
    assert.deepEqual([hidden.status, hidden.json()], [200, []]);
    const members = await target.call("GET", "/v1/agent/members", { token: blind });
    assert.deepEqual([members.status, members.json()], [200, []]);
    assert.equal((await readCatalog(target, name, blind))?.Node ?? null, null);
    const view = await readCatalog(target, name, half);
    assert.equal(view?.Node.Node, name);
    assert.deepEqual(servicesOf(view), []);
  },

  "has the service of its servers, for who may read it": async (target) => {
    const path = "/v1/catalog/service/consul";
    const seen = await target.call("GET", path);
    assert.equal(seen.json<{ ServiceName: string }[]>()[0]?.ServiceName, "consul");
    const whole = await target.createToken({ node: "read", service: "read" });
    assert.notDeepEqual((await target.call("GET", path, { token: whole })).json(), []);
    for (const half of [{ node: "read" }, { service: "read" }] as const) {
      const token = await target.createToken(half);
      const hidden = await target.call("GET", path, { token });
      assert.deepEqual([hidden.status, hidden.json()], [200, []]);
    }
    const nothing = await target.call("GET", "/v1/catalog/service/none");
    assert.deepEqual([nothing.status, nothing.json()], [200, []]);
    assert.equal((await target.call("GET", `${path}?dc=elsewhere`)).status, 500);
  },

  "tells a token of itself, and refuses one that it does not know": async (target) => {
    const path = "/v1/acl/token/self";
    const token = await target.createToken({ node: "read" });
    const own = await target.call("GET", path, { token });
    assert.equal(own.status, 200);
    assert.equal(own.json<{ ExpirationTime?: string }>().ExpirationTime, undefined);
    const unknown = await target.call("GET", path, {
      token: "00000000-0000-4000-8000-000000000000",
    });
    assert.equal(unknown.status, 403);
    assert.match(unknown.text, /ACL not found/);
  },
};

/** What Drover believes of Consul; see `nomadContract`. */
export const consulContract = (
  name: string,
  open: () => Promise<OpenedConsul>,
  atOnce = 1,
): void => {
  void describe(name, { concurrency: atOnce }, () => {
    let opened: OpenedConsul;
    before(async () => {
      opened = await open();
    });
    after(() => opened.close());

    for (const [title, body] of Object.entries(consulCases)) {
      void it(title, () => opened.run(body));
    }
  });
};
