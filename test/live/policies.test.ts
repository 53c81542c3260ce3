import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Api, createApi } from "../../rehearsal/agents/api.ts";
import {
  type LiveClient,
  type LiveCluster,
  startLiveCluster,
} from "../../rehearsal/agents/cluster.ts";
import { composeSleepJob } from "../../rehearsal/agents/jobs.ts";

const readPolicy = (name: string): Promise<string> =>
  readFile(join(import.meta.dirname, "../../docs/policies", `${name}-drover.policy.hcl`), "utf8");

/** Takes a passage out; one that is not there means that the policy has changed and the test has not. */
const without = (rules: string, passage: RegExp, instead = ""): string => {
  assert.match(rules, passage);
  return rules.replace(passage, instead);
};

const nomadGrants = {
  node: /^node \{[^}]*\}/m,
  readJob: /"read-job",/,
  listVolumes: /"csi-list-volume",/,
};
const consulGrants = {
  operator: /^operator = "write"/m,
  node: /^node_prefix "" \{[^}]*\}/m,
  service: /^service_prefix "" \{[^}]*\}/m,
};

describe("the documented policies", { timeout: 60_000 }, () => {
  let cluster: LiveCluster;
  let client: LiveClient;
  const apis: Api[] = [];

  const open = (kind: "nomad" | "consul", token: string): Api => {
    const api = createApi({ kind, address: cluster[kind].address, tls: cluster.tls, token });
    apis.push(api);
    return api;
  };
  const nomadWith = async (rules: string): Promise<Api> => {
    const name = `variant-${apis.length}`;
    await cluster.nomadApi("POST", `/v1/acl/policy/${name}`, { Name: name, Rules: rules });
    const token = await cluster.nomadApi<{ SecretID: string }>("POST", "/v1/acl/token", {
      Name: name,
      Type: "client",
      Policies: [name],
    });
    return open("nomad", token.SecretID);
  };
  const consulWith = async (rules: string): Promise<Api> => {
    const name = `variant-${apis.length}`;
    await cluster.consulApi("PUT", "/v1/acl/policy", { Name: name, Rules: rules });
    const token = await cluster.consulApi<{ SecretID: string }>("PUT", "/v1/acl/token", {
      Policies: [{ Name: name }],
    });
    return open("consul", token.SecretID);
  };
  const status = async (api: Api, method: string, path: string, body?: unknown): Promise<number> =>
    (await api.send(method, path, body)).status;

  before(async () => {
    cluster = await startLiveCluster();
    client = await cluster.addClient({ instanceId: "i-00000000000000aaa" });
    await cluster.runJob(composeSleepJob("web"));
  });
  after(async () => {
    for (const api of apis) api.close();
    await cluster?.stop();
  });

  it("let Drover find, cordon and drain a node in Nomad, and see its work", async () => {
    const nomad = open("nomad", cluster.tokens.nomad);
    const node = `/v1/node/${client.nodeId}`;
    const filter = encodeURIComponent(`NodeID=="${client.nodeId}"`);
    const allocations = await nomad.call<{ ID: string }[]>(
      "GET",
      `/v1/allocations?namespace=*&filter=${filter}`,
    );
    assert.equal(allocations.length, 1);
    assert.equal(await status(nomad, "GET", `/v1/allocation/${allocations[0]?.ID}`), 200);
    assert.equal(await status(nomad, "GET", "/v1/nodes"), 200);
    assert.equal(await status(nomad, "GET", node), 200);
    assert.equal(await status(nomad, "GET", "/v1/agent/members"), 200);
    const volumes = `/v1/volumes?type=csi&namespace=*&node_id=${client.nodeId}`;
    assert.equal(await status(nomad, "GET", volumes), 200);
    // Allowed, but there is none.
    assert.equal(await status(nomad, "GET", "/v1/volume/csi/none?namespace=default"), 404);
    assert.equal(
      await status(nomad, "PUT", `${node}/eligibility`, { Eligibility: "ineligible" }),
      200,
    );
    assert.equal(await status(nomad, "PUT", `${node}/drain`, { DrainSpec: null }), 200);
    assert.equal(await status(nomad, "GET", "/v1/acl/token/self"), 200);
    assert.equal(await status(nomad, "GET", "/v1/acl/policy/drover"), 200);
    const unknown = "/v1/node/00000000-0000-4000-8000-000000000000/purge";
    const purge = await nomad.send("PUT", unknown);
    assert.deepEqual([purge.status, purge.body], [500, "node not found"]);
  });

  it("let Drover do nothing else in Nomad", async () => {
    const nomad = open("nomad", cluster.tokens.nomad);
    const refused: [string, string, unknown?][] = [
      ["POST", "/v1/jobs", { Job: composeSleepJob("other") }],
      ["DELETE", "/v1/job/web"],
      ["GET", "/v1/jobs"],
      ["PUT", "/v1/var/any", { Path: "any", Items: { key: "value" } }],
      ["PUT", "/v1/acl/policy/drover", { Name: "drover", Rules: 'node { policy = "write" }' }],
      ["GET", "/v1/acl/tokens"],
      ["PUT", "/v1/system/gc"],
      ["GET", "/v1/operator/raft/configuration"],
      ["PUT", "/v1/agent/force-leave?node=server-1.eu"],
    ];
    for (const [method, path, body] of refused) {
      assert.equal(await status(nomad, method, path, body), 403, `${method} ${path}`);
    }
  });

  it("need each grant in Nomad", async () => {
    const rules = await readPolicy("nomad");
    const node = `/v1/node/${client.nodeId}`;

    const noNode = await nomadWith(without(rules, nomadGrants.node));
    assert.equal(await status(noNode, "GET", "/v1/nodes"), 403);
    assert.equal(await status(noNode, "GET", "/v1/agent/members"), 403);

    const readNode = await nomadWith(without(rules, nomadGrants.node, 'node { policy = "read" }'));
    assert.equal(await status(readNode, "GET", "/v1/agent/members"), 200);
    const eligible = { Eligibility: "eligible" };
    assert.equal(await status(readNode, "PUT", `${node}/eligibility`, eligible), 403);
    assert.equal(await status(readNode, "PUT", `${node}/drain`, { DrainSpec: null }), 403);
    assert.equal(await status(readNode, "PUT", `${node}/purge`), 403);

    const noJobs = await nomadWith(without(rules, nomadGrants.readJob));
    assert.equal(await status(noJobs, "GET", "/v1/allocations?namespace=*"), 403);
    assert.equal(await status(noJobs, "GET", "/v1/volume/csi/none?namespace=default"), 403);
    // The trap: the same token is told that this node runs nothing.
    assert.deepEqual(await noJobs.call("GET", `${node}/allocations`), []);

    const noVolumes = await nomadWith(without(rules, nomadGrants.listVolumes));
    assert.equal(await status(noVolumes, "GET", "/v1/volumes?type=csi&namespace=*"), 403);
  });

  it("let Drover see a member in Consul with its services", async () => {
    const consul = open("consul", cluster.tokens.consul);
    assert.equal(await status(consul, "GET", "/v1/status/leader"), 200);
    await cluster.waitFor("Nomad to have registered its client in Consul", async () => {
      const member = await consul.call<{ Services: Record<string, { Service: string }> }>(
        "GET",
        `/v1/catalog/node/${client.instanceId}`,
      );
      return Object.values(member.Services).some(({ Service }) => Service === "nomad-client");
    });
    const unknown = await consul.send("PUT", "/v1/agent/force-leave/nobody?prune");
    assert.equal(unknown.status, 500);
    assert.match(unknown.body, /No node found/);
    const deregistered = await consul.send("PUT", "/v1/catalog/deregister", { Node: "nobody" });
    assert.deepEqual([deregistered.status, deregistered.body.trim()], [200, "true"]);
  });

  it("let Drover do nothing else in Consul", async () => {
    const consul = open("consul", cluster.tokens.consul);
    const refused: [string, string, unknown?][] = [
      ["PUT", "/v1/kv/key", "value"],
      ["PUT", "/v1/agent/service/register", { Name: "other" }],
      ["PUT", "/v1/agent/leave"],
      ["GET", "/v1/acl/tokens"],
      ["PUT", "/v1/session/create", {}],
      ["PUT", "/v1/event/fire/other", {}],
    ];
    for (const [method, path, body] of refused) {
      assert.equal(await status(consul, method, path, body), 403, `${method} ${path}`);
    }
  });

  it("need each grant in Consul", async () => {
    const rules = await readPolicy("consul");
    const member = `/v1/catalog/node/${client.instanceId}`;
    const forceLeave = "/v1/agent/force-leave/nobody?prune";

    const noOperator = await consulWith(without(rules, consulGrants.operator));
    assert.equal(await status(noOperator, "PUT", forceLeave), 403);
    const readOperator = await consulWith(
      without(rules, consulGrants.operator, 'operator = "read"'),
    );
    assert.equal(await status(readOperator, "PUT", forceLeave), 403);

    const noNode = await consulWith(without(rules, consulGrants.node));
    assert.equal(await noNode.call("GET", member), null);
    const readNode = await consulWith(
      without(rules, consulGrants.node, 'node_prefix "" { policy = "read" }'),
    );
    const deregistration = { Node: client.instanceId };
    assert.equal(await status(readNode, "PUT", "/v1/catalog/deregister", deregistration), 403);

    const noService = await consulWith(without(rules, consulGrants.service));
    const { Services } = await noService.call<{ Services: object }>("GET", member);
    assert.deepEqual(Services, {});
  });
});
