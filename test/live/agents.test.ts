import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import {
  type LiveClient,
  type LiveCluster,
  startLiveCluster,
} from "../../rehearsal/agents/cluster.ts";
import { composeSleepJob } from "../../rehearsal/agents/jobs.ts";
import { waitFor } from "../../rehearsal/agents/polling.ts";
import { findMountsBelow, findProcessesOf } from "./processes.ts";

interface Allocation {
  readonly ID: string;
  readonly NodeID: string;
  readonly NodeName: string;
  readonly ClientStatus: string;
}

interface Node {
  readonly Status: string;
  readonly HTTPAddr: string;
  readonly DrainStrategy: object | null;
  readonly Attributes: Readonly<Record<string, string>>;
  readonly Meta: Readonly<Record<string, string>>;
}

const instanceIds = ["a", "b", "c", "d"].map((letter) => `i-0000000000000000${letter}`);

describe("live agents", { timeout: 90_000 }, () => {
  let cluster: LiveCluster;
  let clients: LiveClient[];

  const readNode = (nodeId: string) => cluster.nomadApi<Node>("GET", `/v1/node/${nodeId}`);
  const allocationsOf = (jobId: string) =>
    cluster.nomadApi<Allocation[]>("GET", `/v1/job/${jobId}/allocations`);
  const memberStatus = async (name: string): Promise<number | undefined> => {
    const members = await cluster.consulApi<{ Name: string; Status: number }[]>(
      "GET",
      "/v1/agent/members",
    );
    return members.find((member) => member.Name === name)?.Status;
  };
  const clientOf = (nodeId: string): LiveClient => {
    const client = clients.find((candidate) => candidate.nodeId === nodeId);
    assert.ok(client, `no client has the node ${nodeId}`);
    return client;
  };

  before(async () => {
    cluster = await startLiveCluster();
    clients = await Promise.all(
      instanceIds.map((instanceId) => cluster.addClient({ instanceId, pool: "workers" })),
    );
  });
  after(async () => {
    await cluster?.stop();
  });

  it("are found by the id of their instance", async () => {
    for (const client of clients) {
      const filter = `Attributes["unique.platform.aws.instance-id"]=="${client.instanceId}"`;
      const rows = await cluster.nomadApi<{ ID: string; Name: string; Address: string }[]>(
        "GET",
        `/v1/nodes?filter=${encodeURIComponent(filter)}`,
      );
      assert.deepEqual(
        rows.map((row) => [row.ID, row.Name, row.Address]),
        [[client.nodeId, client.instanceId, client.address]],
      );
    }
  });

  it("have a member of the same name in Consul, and an address of their own", async () => {
    for (const client of clients) {
      const node = await readNode(client.nodeId);
      assert.equal(node.Attributes["unique.consul.name"], client.instanceId);
      assert.equal(node.Meta["drover.pool"], "workers");
      assert.equal(node.HTTPAddr, `${client.address}:4646`);
      assert.equal(await memberStatus(client.instanceId), 1);
    }
    assert.equal(new Set(clients.map((client) => client.address)).size, clients.length);
  });

  it("refuse a caller without a client certificate", async () => {
    for (const address of [cluster.nomad.address, cluster.consul.address]) {
      const call = request(`${address}/v1/status/leader`, { ca: cluster.tls.ca });
      call.end();
      await assert.rejects(
        once(call, "response"),
        /certificate required|bad certificate|ECONNRESET/,
      );
    }
  });

  it("move a service and the data on its ephemeral disk when a node drains", async () => {
    await cluster.runJob(
      composeSleepJob("moving", {
        migrateData: true,
        script: 'echo "$NOMAD_ALLOC_ID" >>"$NOMAD_ALLOC_DIR/data/trail"; exec sleep 3600',
      }),
    );
    const [first] = await allocationsOf("moving");
    assert.ok(first);
    await cluster.nomadApi("PUT", `/v1/node/${first.NodeID}/drain`, {
      DrainSpec: { Deadline: 60_000_000_000, IgnoreSystemJobs: true },
    });
    const second = await cluster.waitFor("the replacement to run elsewhere", async () =>
      (await allocationsOf("moving")).find(
        (allocation) => allocation.NodeID !== first.NodeID && allocation.ClientStatus === "running",
      ),
    );
    const trail = join(cluster.folder, second.NodeName, `alloc/${second.ID}/alloc/data/trail`);
    await cluster.waitFor("the replacement to have added its mark", async () => {
      const marks = await readFile(trail, "utf8");
      return marks === `${first.ID}\n${second.ID}\n`;
    });
    await cluster.purgeJob("moving");
    await cluster.nomadApi("PUT", `/v1/node/${first.NodeID}/eligibility`, {
      Eligibility: "eligible",
    });
  });

  it("are gone at once when their instance ends", async () => {
    await cluster.runJob(composeSleepJob("web", { count: 4 }));
    const [doomed] = await allocationsOf("web");
    assert.ok(doomed);
    const { instanceId, nodeId } = clientOf(doomed.NodeID);
    const folder = join(cluster.folder, instanceId);
    assert.ok((await findProcessesOf(folder)).length > 0);

    await cluster.powerOff(instanceId);
    assert.deepEqual(await findProcessesOf(folder), []);
    await cluster.waitFor("the node to be down", async () => {
      return (await readNode(nodeId)).Status === "down";
    });
    await cluster.waitFor("the member to have failed", async () => {
      return (await memberStatus(instanceId)) === 4;
    });
    await cluster.waitFor("the work to run elsewhere", async () => {
      const running = (await allocationsOf("web")).filter(
        (allocation) => allocation.ClientStatus === "running",
      );
      return running.length === 4 && running.every((allocation) => allocation.NodeID !== nodeId);
    });
    await cluster.purgeJob("web");
  });

  it("survive a restart of Nomad's server", async () => {
    await cluster.stopNomadServer();
    await assert.rejects(cluster.nomadApi("GET", "/v1/nodes"), /ECONNREFUSED/);
    await cluster.startNomadServer();
    const nodes = await cluster.nomadApi<object[]>("GET", "/v1/nodes");
    assert.equal(nodes.length, clients.length);
  });

  it("can be servers too, told by the address of the node", async () => {
    const server = await cluster.addServerWithClient({ instanceId: "i-0000000000000000e" });
    const { Members: servers } = await cluster.nomadApi<{
      Members: { Name: string; Addr: string; Status: string; Tags: { build: string } }[];
    }>("GET", "/v1/agent/members");
    const versions = new Set(
      (await cluster.nomadApi<{ Version: string }[]>("GET", "/v1/nodes")).map((row) => row.Version),
    );
    for (const name of [`${server.instanceId}.eu`, "server-1.eu"]) {
      const found = servers.find((candidate) => candidate.Name === name);
      assert.equal(found?.Status, "alive");
      assert.ok(versions.has(found.Tags.build), found.Tags.build);
    }
    assert.ok(servers.some(({ Addr }) => Addr === server.address));
    for (const client of clients) assert.ok(!servers.some(({ Addr }) => Addr === client.address));
  });

  it("leave nothing behind when stopped", async () => {
    await cluster.stop();
    assert.deepEqual(await findProcessesOf(cluster.folder), []);
    assert.deepEqual(await findMountsBelow(cluster.folder), []);
    assert.ok(!existsSync(cluster.folder));
  });
});

describe("live agents of a process that dies", { timeout: 60_000 }, () => {
  for (const signal of ["SIGKILL", "SIGINT"] as const) {
    it(`die with it on ${signal}`, async () => {
      const parent = spawn(process.execPath, [join(import.meta.dirname, "cluster-parent.ts")], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const folder = await new Promise<string>((resolve) => {
        createInterface({ input: parent.stdout }).once("line", resolve);
      });
      const before = await findProcessesOf(folder);
      assert.ok(
        before.some((command) => command.includes("nomad.json")),
        before.join("\n"),
      );

      parent.kill(signal);
      await waitFor("the folder to be deleted", () => !existsSync(folder));
      // Whoever deletes it ends right after.
      await waitFor(
        "its processes to end",
        async () => (await findProcessesOf(folder)).length === 0,
      );
      assert.deepEqual(await findMountsBelow(folder), []);
    });
  }
});
