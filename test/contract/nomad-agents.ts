import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { text as readText } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { startLiveCluster, type LiveCluster } from "../../rehearsal/agents/cluster.ts";
import { writeRules } from "../../rehearsal/emulators/nomad/acl.ts";
import { composeJob, STARTS_FILE } from "./nomad-jobs.ts";
import type { OutageTarget } from "./nomad-outages.ts";
import type { NomadTarget } from "./nomad-target.ts";

/** Nomad's own pace, which the emulator's numbers were seen at. */
const HEARTBEAT = { minimumTtlSeconds: 10, graceSeconds: 10, failoverSeconds: 300 };

/** A cluster of real agents, for one case at a time. */
export interface LiveNomad {
  readonly target: NomadTarget;
  /** Ends what a case has left behind: machines are heavy. */
  clearUp(): Promise<void>;
  close(): Promise<void>;
}

/** Asks one server; without an address the first one. */
const createCall =
  (cluster: LiveCluster, agent: Agent, address = cluster.nomad.address): NomadTarget["call"] =>
  async (method, path, { body, text, token = cluster.management.nomad } = {}) => {
    const outgoing = request(new URL(path, address), {
      method,
      agent,
      headers: { "X-Nomad-Token": token },
    });
    outgoing.end(text ?? (body === undefined ? undefined : JSON.stringify(body)));
    const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
    const answer = await readText(incoming);
    const headers = new Headers(
      Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
    );
    return {
      status: incoming.statusCode ?? 0,
      text: answer,
      headers,
      index: Number(headers.get("x-nomad-index")),
      json: () => JSON.parse(answer),
    };
  };

const createAgent = ({ tls }: LiveCluster): Agent =>
  new Agent({
    keepAlive: true,
    ca: tls.ca,
    cert: tls.clientCertificate,
    key: tls.clientKey,
  });

const openTarget = async (cluster: LiveCluster): Promise<LiveNomad> => {
  const agent = createAgent(cluster);
  let serial = 0;
  let machines: string[] = [];
  let jobs: string[] = [];

  let memory: number | undefined;

  /** All nodes are this very machine. */
  const readMemory = async (): Promise<number> => {
    const [stub] = (await target.call("GET", "/v1/nodes")).json<{ ID: string }[]>();
    const node = await target.call("GET", `/v1/node/${stub!.ID}`);
    return node.json<{ NodeResources: { Memory: { MemoryMB: number } } }>().NodeResources.Memory
      .MemoryMB;
  };

  const target: NomadTarget = {
    region: cluster.nomad.region,
    silence: [8, 31],
    call: createCall(cluster, agent),
    async addNode(pool) {
      serial += 1;
      const instanceId = `i-${String(serial).padStart(17, "0")}`;
      machines.push(instanceId);
      const client = await cluster.addClient({ instanceId, nodePool: pool });
      return { nodeId: client.nodeId, instanceId };
    },
    async powerOff(instanceId) {
      machines = machines.filter((one) => one !== instanceId);
      await cluster.powerOff(instanceId);
    },
    freeze: (instanceId) => cluster.freezeNomad(instanceId),
    thaw: (instanceId) => cluster.thawNomad(instanceId),
    async runJob(spec) {
      jobs.push(spec.id);
      memory ??= await readMemory();
      await cluster.nomadApi("POST", "/v1/jobs", { Job: composeJob(spec, memory) });
    },
    async countStarts(allocId) {
      const path = `/v1/client/fs/cat/${allocId}?path=${STARTS_FILE}`;
      const answer = await target.call("GET", path);
      assert.equal(answer.status, 200, answer.text);
      return answer.text.length;
    },
    async purgeJob(id) {
      await cluster.nomadApi("DELETE", `/v1/job/${id}?purge=true`);
    },
    async createToken(policy) {
      serial += 1;
      const name = `policy-${serial}`;
      await cluster.nomadApi("PUT", `/v1/acl/policy/${name}`, {
        Name: name,
        Rules: writeRules(policy),
      });
      const token = await cluster.nomadApi<{ SecretID: string }>("PUT", "/v1/acl/token", {
        Name: name,
        Type: "client",
        Policies: [name],
      });
      return { secret: token.SecretID, policy: name };
    },
    patience: 3,
    seconds: () => performance.now() / 1000,
    pause: (seconds) => sleep(seconds * 1000),
  };

  return {
    target,
    async clearUp() {
      const [oldJobs, oldMachines] = [new Set(jobs), machines];
      [jobs, machines] = [[], []];
      for (const job of oldJobs) await target.call("DELETE", `/v1/job/${job}?purge=true`);
      await Promise.all(oldMachines.map((machine) => cluster.powerOff(machine)));
    },
    async close() {
      agent.destroy();
      await cluster.stop();
    },
  };
};

/** Starts a server of Nomad and one of Consul. */
export const openAgents = async (): Promise<LiveNomad> =>
  openTarget(await startLiveCluster({ heartbeat: HEARTBEAT, connections: 100 }));

interface RaftView {
  readonly Servers: readonly { readonly Voter: boolean }[];
}

/** Starts two servers of Nomad. That takes some twenty seconds: the second one has to prove stable. */
export const openServers = async (): Promise<{ target: OutageTarget; close(): Promise<void> }> => {
  const cluster = await startLiveCluster();
  const agent = createAgent(cluster);
  const close = async () => {
    agent.destroy();
    await cluster.stop();
  };
  try {
    const { address } = await cluster.addServerWithClient({ instanceId: "i-0000000000000000a" });
    await cluster.waitFor(
      "the second server to have a vote",
      async () => {
        const raft = await cluster.nomadApi<RaftView>("GET", "/v1/operator/raft/configuration");
        return raft.Servers.length === 2 && raft.Servers.every(({ Voter }) => Voter);
      },
      90_000,
    );
    const { target } = await openTarget(cluster);
    return {
      target: {
        ...target,
        call: createCall(cluster, agent, `https://${address}:4646`),
        loseLeader: () => cluster.stopNomadServer(),
        restoreLeader: () => cluster.startNomadServer(),
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
};
