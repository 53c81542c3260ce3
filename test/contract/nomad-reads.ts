import assert from "node:assert/strict";
import { eventually } from "./eventually.ts";
import {
  allocationsOn,
  awaitRunning,
  drain,
  findNodes,
  listAllocations,
  readAllocation,
  readNode,
  type AllocView,
  type NodeView,
  type NomadTarget,
} from "./nomad-target.ts";

/** One behaviour, told against a target in a node pool of its own. */
export type Case = (target: NomadTarget, pool: string) => Promise<void>;

const NOBODY = "00000000-0000-4000-8000-000000000000";

export const readCases: Record<string, Case> = {
  "finds a node by its instance id, and answers with a stub": async (target, pool) => {
    const [one] = [await target.addNode(pool), await target.addNode(pool)];
    const answer = await findNodes(
      target,
      `Attributes["unique.platform.aws.instance-id"] == "${one.instanceId}"`,
    );
    assert.equal(answer.status, 200);
    const rows = answer.json<(NodeView & { Drain: boolean })[]>();
    assert.deepEqual(
      rows.map((row) => row.ID),
      [one.nodeId],
    );
    assert.equal(rows[0]!.Drain, false);
    assert.equal(rows[0]!.LastDrain, null);
    assert.ok(!("DrainStrategy" in rows[0]!), "a stub has no drain strategy");
    assert.ok(!rows[0]!.Attributes, "a stub has no attributes");
  },

  "finds a node by its name where the attribute does not match": async (target, pool) => {
    const node = await target.addNode(pool);
    const { Name } = await readNode(target, node.nodeId);
    const answer = await findNodes(
      target,
      `Attributes["unique.platform.aws.instance-id"] == "i-none" or Name == "${Name}" or Meta["instance-id"] == "i-none"`,
    );
    assert.deepEqual(
      answer.json<NodeView[]>().map((row) => row.ID),
      [node.nodeId],
    );
  },

  "answers an unknown instance with an empty list": async (target, pool) => {
    await target.addNode(pool);
    const answer = await findNodes(
      target,
      'Attributes["unique.platform.aws.instance-id"] == "i-none"',
    );
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.json(), []);
  },

  "takes a missing key of a map for unequal to everything": async (target, pool) => {
    const node = await target.addNode(pool);
    const found = async (filter: string) =>
      (await findNodes(target, `NodePool == "${pool}" and ${filter}`))
        .json<NodeView[]>()
        .map((row) => row.ID);
    assert.deepEqual(await found('Attributes["no.such"] == "x"'), []);
    assert.deepEqual(await found('Attributes["no.such"] != "x"'), [node.nodeId]);
    assert.deepEqual(await found('Attributes["no.such"] is empty'), [node.nodeId]);
    assert.deepEqual(await found('Attributes["no.such"] matches "^i-"'), []);
  },

  "finds a node by each field that it is stored with": async (target, pool) => {
    const { nodeId } = await target.addNode(pool);
    const { HTTPAddr, Name } = await readNode(target, nodeId);
    for (const filter of [
      `HTTPAddr == "${HTTPAddr}"`,
      `Name == "${Name}"`,
      `NodePool == "${pool}"`,
      'Status == "ready"',
      'SchedulingEligibility == "eligible"',
      "NodeClass is empty",
    ]) {
      const answer = await findNodes(target, `ID == "${nodeId}" and ${filter}`);
      assert.equal(answer.status, 200, `${filter}: ${answer.text}`);
      assert.deepEqual(
        answer.json<NodeView[]>().map((row) => row.ID),
        [nodeId],
        filter,
      );
    }
  },

  "refuses filters on fields of the stub alone": async (target, pool) => {
    await target.addNode(pool);
    for (const filter of ['Version == "1"', 'Address == "x"', "Drain == true"]) {
      const answer = await findNodes(target, filter);
      assert.equal(answer.status, 400, `${filter}: ${answer.text}`);
      assert.match(answer.text, /error finding value in datum/);
    }
    assert.equal((await findNodes(target, "Name ==")).status, 400);
  },

  "a filter cannot see drains, only that there was one": async (target, pool) => {
    const { nodeId } = await target.addNode(pool);
    await target.runJob({ id: `${pool}-b`, pool, type: "batch" });
    await awaitRunning(target, `${pool}-b`);
    const inPool = (filter: string) => findNodes(target, `NodePool == "${pool}" and ${filter}`);
    assert.equal((await inPool("DrainStrategy.IgnoreSystemJobs == false")).status, 400);
    assert.equal((await inPool('LastDrain.Status == "draining"')).status, 400);
    await drain(target, nodeId, { seconds: 60 });
    assert.equal((await inPool("DrainStrategy.IgnoreSystemJobs == false")).status, 400);
    const drained = await inPool('LastDrain.Status == "draining"');
    assert.equal(drained.json<NodeView[]>().length, 1, "once every node that is asked has drained");
  },

  "tells ineligible and draining nodes by their stubs": async (target, pool) => {
    const [cordoned, draining] = [await target.addNode(pool), await target.addNode(pool)];
    await target.runJob({ id: `${pool}-b`, pool, type: "batch" });
    const [alloc] = await awaitRunning(target, `${pool}-b`);
    const [busy, idle] =
      alloc!.NodeID === draining.nodeId ? [draining, cordoned] : [cordoned, draining];
    await drain(target, busy.nodeId, { seconds: 60 });
    const answer = await target.call("PUT", `/v1/node/${idle.nodeId}/eligibility`, {
      body: { Eligibility: "ineligible" },
    });
    assert.equal(answer.status, 200);
    const list = await findNodes(target, 'SchedulingEligibility == "ineligible"');
    const stubs = new Map(
      list.json<(NodeView & { Drain: boolean })[]>().map((stub) => [stub.ID, stub]),
    );
    assert.equal(stubs.get(idle.nodeId)?.Drain, false);
    assert.equal(stubs.get(busy.nodeId)?.Drain, true);
    assert.equal(stubs.get(busy.nodeId)?.LastDrain?.Status, "draining");
  },

  "describes a node": async (target, pool) => {
    const added = await target.addNode(pool);
    const node = await readNode(target, added.nodeId);
    assert.equal(node.NodePool, pool);
    assert.equal(node.Status, "ready");
    assert.equal(node.SchedulingEligibility, "eligible");
    assert.equal(node.DrainStrategy, null);
    assert.equal(node.Attributes["unique.platform.aws.instance-id"], added.instanceId);
    assert.ok(node.Attributes["nomad.version"]);
    assert.match(node.HTTPAddr, /:\d+$/);
    assert.deepEqual(
      [node.Drivers["raw_exec"]?.Detected, node.Drivers["raw_exec"]?.Healthy],
      [true, true],
    );
    assert.equal(node.Events[0]?.Message, "Node registered");
  },

  "knows no such node": async (target) => {
    const read = await target.call("GET", `/v1/node/${NOBODY}`);
    assert.equal(read.status, 404);
    const allocations = await target.call("GET", `/v1/node/${NOBODY}/allocations`);
    assert.equal(allocations.status, 200);
    assert.deepEqual(allocations.json(), []);
    const bodies = {
      drain: { DrainSpec: { Deadline: 1e9 } },
      eligibility: { Eligibility: "ineligible" },
      purge: undefined,
    };
    for (const [action, body] of Object.entries(bodies)) {
      const answer = await target.call("PUT", `/v1/node/${NOBODY}/${action}`, { body });
      assert.equal(answer.status, 500, action);
      assert.match(answer.text, /node not found/, action);
    }
    assert.equal((await target.call("GET", "/v1/node/i-0123")).status, 500);
  },

  "lists allocations by node and status, over all namespaces or one": async (target, pool) => {
    const node = await target.addNode(pool);
    await target.runJob({ id: `${pool}-s`, pool, groups: [{ count: 2 }] });
    await awaitRunning(target, `${pool}-s`, 2);
    const filter = `NodeID == "${node.nodeId}" and (ClientStatus == "pending" or ClientStatus == "running")`;
    const live = await listAllocations(target, filter);
    assert.equal(live.length, 2);
    assert.equal(live[0]!.JobType, "service");
    assert.ok(!live[0]!.Job, "a stub does not carry its job");
    assert.deepEqual(
      await listAllocations(target, `NodeID == "${node.nodeId}" and ClientStatus == "complete"`),
      [],
    );
    const other = await target.call(
      "GET",
      `/v1/allocations?namespace=elsewhere&filter=${encodeURIComponent(filter)}`,
    );
    assert.deepEqual(other.json(), []);
  },

  "gives an allocation with its job and its disk": async (target, pool) => {
    await target.addNode(pool);
    await target.runJob({
      id: `${pool}-d`,
      pool,
      groups: [{ ephemeralDisk: { migrate: true, sticky: true } }],
    });
    const [alloc] = await awaitRunning(target, `${pool}-d`);
    const read = await readAllocation(target, alloc!.ID);
    const group = read.Job?.TaskGroups.find((one) => one.Name === read.TaskGroup);
    assert.deepEqual([group?.EphemeralDisk.Migrate, group?.EphemeralDisk.Sticky], [true, true]);
    assert.equal(read.TaskStates?.["main"]?.State, "running");
    assert.equal((await target.call("GET", `/v1/allocation/${NOBODY}`)).status, 404);
  },

  "holds a read until its index has passed": async (target, pool) => {
    const node = await target.addNode(pool);
    const first = await target.call("GET", `/v1/node/${node.nodeId}`);
    const began = target.seconds();
    const held = target.call("GET", `/v1/node/${node.nodeId}?index=${first.index}&wait=30s`);
    await target.pause(1);
    await target.call("PUT", `/v1/node/${node.nodeId}/eligibility`, {
      body: { Eligibility: "ineligible" },
    });
    const answer = await held;
    assert.ok(answer.index > first.index);
    assert.equal(answer.json<NodeView>().SchedulingEligibility, "ineligible");
    const took = target.seconds() - began;
    assert.ok(took >= 1 && took < 3, `answered after ${took} s`);
  },

  "waits out an index that is too large, and gives the real one": async (target, pool) => {
    const node = await target.addNode(pool);
    const began = target.seconds();
    const path = `/v1/node/${node.nodeId}?index=99999999&wait=2s`;
    const answer = await target.call("GET", path);
    const took = target.seconds() - began;
    assert.ok(took >= 2 && took < 2.7, `answered after ${took} s`);
    assert.equal(answer.index, answer.json<NodeView>().ModifyIndex);
    assert.equal((await target.call("GET", `/v1/node/${node.nodeId}?index=5&wait=3`)).status, 400);
  },

  "answers a held read with 404 in the moment of the purge": async (target, pool) => {
    const node = await target.addNode(pool);
    const first = await target.call("GET", `/v1/node/${node.nodeId}`);
    await target.powerOff(node.instanceId);
    const held = target.call("GET", `/v1/node/${node.nodeId}?index=${first.index}&wait=60s`);
    await target.pause(0.5);
    assert.equal((await target.call("PUT", `/v1/node/${node.nodeId}/purge`)).status, 200);
    assert.equal((await held).status, 404);
  },

  "sends what a reader must know of the leader": async (target) => {
    const { headers } = await target.call("GET", "/v1/nodes");
    assert.equal(headers.get("x-nomad-knownleader"), "true");
    assert.equal(headers.get("x-nomad-lastcontact"), "0");
    const leader = await target.call("GET", "/v1/status/leader");
    assert.match(leader.json<string>(), /:4647$/);
  },

  "lists the servers alone as members": async (target, pool) => {
    const node = await target.addNode(pool);
    const { Name } = await readNode(target, node.nodeId);
    const answer = await target.call("GET", "/v1/agent/members");
    const members = answer.json<{
      Members: { Name: string; Status: string; Tags: Record<string, string> }[];
    }>().Members;
    assert.ok(members.length > 0);
    for (const member of members) {
      assert.notEqual(member.Name, Name);
      assert.equal(member.Status, "alive");
      assert.equal(member.Tags["region"], target.region);
      assert.match(member.Tags["build"] ?? "", /^\d+\.\d+\.\d+/);
    }
  },

  "knows its own region alone": async (target) => {
    assert.equal((await target.call("GET", `/v1/nodes?region=${target.region}`)).status, 200);
    const elsewhere = await target.call("GET", "/v1/nodes?region=elsewhere");
    assert.equal(elsewhere.status, 500);
    assert.match(elsewhere.text, /No path to region/);
  },

  "hides from a weak token what is on a node": async (target, pool) => {
    const node = await target.addNode(pool);
    await target.runJob({ id: `${pool}-w`, pool });
    await awaitRunning(target, `${pool}-w`);
    const weak = await target.createToken({ node: "write" });
    const strong = await target.createToken({
      node: "write",
      namespaces: { "*": { capabilities: ["read-job"] } },
    });
    const path = `/v1/node/${node.nodeId}/allocations`;
    const hidden = await target.call("GET", path, { token: weak.secret });
    assert.equal(hidden.status, 200);
    assert.deepEqual(hidden.json(), []);
    const began = target.seconds();
    const held = await target.call("GET", `${path}?index=${hidden.index}&wait=2s`, {
      token: weak.secret,
    });
    assert.deepEqual([held.status, held.json()], [200, []]);
    assert.ok(target.seconds() - began >= 1.9, "an empty list is held like any other");
    const seen = await target.call("GET", path, { token: strong.secret });
    const full = seen.json<{ Job: { Type: string; TaskGroups: unknown[] } | null }[]>();
    assert.equal(full.length, 1);
    // Unlike the rows of /v1/allocations they carry their job, and have no type of their own.
    assert.equal(full[0]?.Job?.TaskGroups.length, 1);
    assert.deepEqual([full[0].Job.Type, "JobType" in full[0]], ["service", false]);
    const filter = `NodeID == "${node.nodeId}"`;
    assert.equal((await listAllocations(target, filter, strong.secret)).length, 1);
    assert.equal((await allocationsOn(target, node.nodeId)).length, 1);
  },

  "refuses tokens that may not, and those that nobody knows": async (target, pool) => {
    const node = await target.addNode(pool);
    const reader = await target.createToken({ node: "read" });
    const jobs = await target.createToken({ namespaces: { "*": { capabilities: ["read-job"] } } });
    const path = `/v1/node/${node.nodeId}`;
    assert.equal((await target.call("GET", path, { token: reader.secret })).status, 200);
    const drained = await target.call("PUT", `${path}/drain`, {
      token: reader.secret,
      body: { DrainSpec: { Deadline: 1e9 } },
    });
    assert.deepEqual([drained.status, drained.text], [403, "Permission denied"]);
    assert.equal((await target.call("GET", "/v1/nodes", { token: jobs.secret })).status, 403);
    const volumes = "/v1/volumes?type=csi&namespace=*";
    assert.equal((await target.call("GET", volumes, { token: reader.secret })).status, 403);
    const unknown = await target.call("GET", "/v1/nodes", { token: NOBODY });
    assert.deepEqual([unknown.status, unknown.text], [403, "Permission denied"]);
  },

  "lets a token read its own policies": async (target) => {
    const token = await target.createToken({
      node: "write",
      namespaces: { "*": { policy: "read" } },
    });
    const other = await target.createToken({ node: "read" });
    const own = await target.call("GET", "/v1/acl/token/self", { token: token.secret });
    assert.deepEqual(own.json<{ Policies: string[] }>().Policies, [token.policy]);
    const path = `/v1/acl/policy/${token.policy}`;
    const policy = await target.call("GET", path, { token: token.secret });
    const rules = policy.json<{
      RulesJSON: {
        Node: { Policy: string };
        Namespaces: { Name: string; Capabilities: string[] }[];
      };
    }>().RulesJSON;
    assert.equal(rules.Node.Policy, "write");
    assert.equal(rules.Namespaces[0]?.Name, "*");
    assert.ok(rules.Namespaces[0]?.Capabilities.includes("read-job"));
    assert.equal((await target.call("GET", path, { token: other.secret })).status, 403);
  },

  "tells a token of itself, and one that it does not know in a way of its own": async (target) => {
    const path = "/v1/acl/token/self";
    // Not 403, as everywhere else.
    const unknown = await target.call("GET", path, { token: NOBODY });
    assert.deepEqual([unknown.status, unknown.text], [404, "ACL token not found"]);
    const garbage = await target.call("GET", path, { token: "garbage" });
    assert.equal(garbage.status, 500);
    assert.match(garbage.text, /acl token lookup failed/);
    const token = await target.createToken({ node: "read" });
    const own = await target.call("GET", path, { token: token.secret });
    assert.equal(own.json<{ ExpirationTime: unknown }>().ExpirationTime, null);
  },

  "holds a query with an index that never comes, and answers it then": async (target) => {
    const began = target.seconds();
    const path = `/v1/nodes?per_page=1&index=${Number.MAX_SAFE_INTEGER}&wait=3s`;
    const held = await target.call("GET", path);
    assert.equal(held.status, 200);
    assert.ok(target.seconds() - began >= 3);
  },

  "refuses more than a hundred connections from one address": async (target) => {
    const path = `/v1/nodes?per_page=1&index=${Number.MAX_SAFE_INTEGER}&wait=4s`;
    const held = Array.from({ length: 110 }, () => target.call("GET", path));
    const ends = await Promise.allSettled(held);
    const answers = ends.flatMap((end) => (end.status === "fulfilled" ? [end.value] : []));
    const refused = answers.filter((answer) => answer.status === 429);
    const broken = ends.flatMap((end) => (end.status === "rejected" ? [String(end.reason)] : []));
    // A busy server over TLS has no time for the handshake, and closes them without an answer.
    assert.ok(refused.length + broken.length > 0, "some are refused");
    for (const { text } of refused) assert.match(text, /too many concurrent connections/);
    const served = answers.filter((answer) => answer.status === 200).length;
    assert.ok(served > 80 && served <= 100, `${served} are served`);
    assert.equal((await target.call("GET", "/v1/nodes")).status, 200, "and then all again");
  },

  "a node's allocations wake who waits for them": async (target, pool) => {
    const node = await target.addNode(pool);
    const path = `/v1/node/${node.nodeId}/allocations`;
    const first = await target.call("GET", path);
    const held = target.call("GET", `${path}?index=${first.index}&wait=20s`);
    await target.runJob({ id: `${pool}-n`, pool });
    await held;
    await eventually(target, "the allocation is listed", 5, async () => {
      const allocs = (await target.call("GET", path)).json<{ JobID: string; Job: object }[]>();
      return allocs.some((alloc) => alloc.JobID === `${pool}-n` && alloc.Job);
    });
  },

  "an allocation is waited for with the index of a list, until it ends": async (target, pool) => {
    await target.addNode(pool);
    await target.runJob({
      id: `${pool}-e`,
      pool,
      type: "sysbatch",
      groups: [{ tasks: [{ runSeconds: 6 }] }],
    });
    const [alloc] = await awaitRunning(target, `${pool}-e`);
    // What the client reports of the start may come in two parts.
    await target.pause(2);
    const list = await target.call("GET", "/v1/allocations?namespace=*");
    const wait = async (index: number, seconds: number) => {
      const path = `/v1/allocation/${alloc!.ID}?index=${index}&wait=${seconds}s`;
      return target.call("GET", path);
    };
    const began = target.seconds();
    const inVain = await wait(list.index, 1);
    assert.ok(target.seconds() - began >= 1);
    assert.equal(inVain.json<AllocView>().ClientStatus, "running");
    assert.ok(inVain.index <= list.index);
    const ended = await wait(inVain.index, 50);
    assert.ok(ended.index > list.index);
    assert.equal(ended.json<AllocView>().ClientStatus, "complete");
    assert.ok(target.seconds() - began < 10);
  },
};
