import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { text as readText } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { startLiveCluster } from "../../rehearsal/agents/cluster.ts";
import { consulContract } from "./consul.ts";
import { eventually } from "./eventually.ts";
import {
  readCatalog,
  servicesOf,
  type Answer,
  type ConsulTarget,
  type OpenedConsul,
} from "./consul-target.ts";

const openAgents = async (): Promise<OpenedConsul> => {
  const cluster = await startLiveCluster();
  const agent = new Agent({
    keepAlive: true,
    ca: cluster.tls.ca,
    cert: cluster.tls.clientCertificate,
    key: cluster.tls.clientKey,
  });
  let serial = 0;

  const send = async (url: URL, method: string, token: string, body?: unknown): Promise<Answer> => {
    const outgoing = request(url, { method, agent, headers: { "X-Consul-Token": token } });
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
    const text = await readText(incoming);
    return { status: incoming.statusCode ?? 0, text, json: () => JSON.parse(text) };
  };

  const createTarget = (addresses: Map<string, string>): ConsulTarget => {
    const target: ConsulTarget = {
      datacenter: cluster.consul.datacenter,
      call: (method, path, { body, token = cluster.management.consul } = {}) =>
        send(new URL(path, cluster.consul.address), method, token, body),
      async addAgent(as) {
        serial += 1;
        const instanceId = `i-${String(serial).padStart(17, "0")}`;
        const [name, service] = [as ?? instanceId, "nomad-client"];
        const { address } = await cluster.addClient({ instanceId, consulName: name });
        addresses.set(instanceId, address);
        // Nomad registers itself with the agent beside it.
        await eventually(target, "the service is registered", 30, async () =>
          servicesOf(await readCatalog(target, name)).includes(service),
        );
        return { name, service };
      },
      async powerOff(name) {
        addresses.delete(name);
        await cluster.powerOff(name);
      },
      async leave(name) {
        const url = new URL(`https://${addresses.get(name)}:8501/v1/agent/leave`);
        await send(url, "PUT", cluster.management.consul);
      },
      async createToken(grants) {
        serial += 1;
        const rules = [
          ...(grants.operator ? [`operator = "${grants.operator}"`] : []),
          ...(grants.node ? [`node_prefix "" { policy = "${grants.node}" }`] : []),
          ...(grants.service ? [`service_prefix "" { policy = "${grants.service}" }`] : []),
        ];
        const policy = await cluster.consulApi<{ ID: string }>("PUT", "/v1/acl/policy", {
          Name: `policy-${serial}`,
          Rules: rules.join("\n"),
        });
        const token = await cluster.consulApi<{ SecretID: string }>("PUT", "/v1/acl/token", {
          Policies: [{ ID: policy.ID }],
        });
        return token.SecretID;
      },
      patience: 3,
      seconds: () => performance.now() / 1000,
      pause: (seconds) => sleep(seconds * 1000),
    };
    return target;
  };

  // A death is confirmed by others: without some that stay, it takes half a minute and more.
  for (const letter of ["a", "b", "c"]) {
    await cluster.addClient({ instanceId: `i-${letter.repeat(17)}` });
  }

  return {
    async run(body) {
      const addresses = new Map<string, string>();
      try {
        await body(createTarget(addresses));
      } finally {
        // Machines are heavy: what a case leaves behind is ended with it.
        await Promise.all([...addresses.keys()].map((name) => cluster.powerOff(name)));
      }
    },
    async close() {
      agent.destroy();
      await cluster.stop();
    },
  };
};

/** Agents mostly wait. More of them at once would be too busy with each other's starts. */
const AT_ONCE = 4;

consulContract("Consul, real agents", openAgents, AT_ONCE);
