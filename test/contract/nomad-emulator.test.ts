import { createNomad } from "../../rehearsal/emulators/nomad/create-nomad.ts";
import { seeded, uuid } from "../../rehearsal/random.ts";
import { createVirtualClock } from "../rehearsal/emulators/virtual-clock.ts";
import { nomadContract } from "./nomad.ts";
import type { OutageTarget } from "./nomad-outages.ts";
import { readAllocation, type NomadTarget, type OpenedTarget } from "./nomad-target.ts";

const openEmulator = async (): Promise<OpenedTarget> => {
  const clock = createVirtualClock();
  const random = seeded(20_260_301);
  const nomad = createNomad({ clock, random, region: "eu" });
  nomad.addServer({ name: "server-1", address: "10.0.0.1" });
  const management = uuid(random);
  nomad.acl.addToken({ secret: management, accessor: uuid(random), type: "management" });
  let serial = 0;

  const target: NomadTarget = {
    region: "eu",
    silence: [22, 27],
    async call(method, path, { body, text, token = management } = {}) {
      const content = text ?? (body === undefined ? undefined : JSON.stringify(body));
      const response = await nomad.service(
        new Request(`http://10.0.0.1:4646${path}`, {
          method,
          headers: { "X-Nomad-Token": token },
          ...(content ? { body: content } : {}),
        }),
      );
      const answer = await response.text();
      return {
        status: response.status,
        text: answer,
        headers: response.headers,
        index: Number(response.headers.get("x-nomad-index")),
        json: () => JSON.parse(answer),
      };
    },
    async addNode(pool) {
      serial += 1;
      const instanceId = `i-${String(serial).padStart(17, "0")}`;
      const nodeId = nomad.addNode({ instanceId, address: `10.0.1.${serial}`, pool });
      while (nomad.truth.node(nodeId)?.Status !== "ready") await clock.sleep(100);
      return { nodeId, instanceId };
    },
    powerOff: async (instanceId) => nomad.powerOff(instanceId),
    freeze: async (instanceId) => nomad.disconnect(instanceId),
    thaw: async (instanceId) => nomad.reconnect(instanceId),
    async countStarts(allocId) {
      const { PreviousAllocation } = await readAllocation(target, allocId);
      const isEmpty = nomad.truth.losses.emptyStarts.some((start) => start.allocId === allocId);
      if (PreviousAllocation === undefined || isEmpty) return 1;
      return 1 + (await target.countStarts(PreviousAllocation));
    },
    runJob: async (spec) => nomad.runJob(spec),
    purgeJob: async (id) => nomad.purgeJob(id),
    async createToken(policy) {
      serial += 1;
      const name = `policy-${serial}`;
      const secret = uuid(random);
      nomad.acl.addPolicy(name, policy);
      nomad.acl.addToken({ secret, accessor: uuid(random), policies: [name] });
      return { secret, policy: name };
    },
    patience: 1,
    seconds: () => clock.now() / 1000,
    pause: (seconds) => clock.sleep(seconds * 1000),
  };
  const outage: OutageTarget = {
    ...target,
    loseLeader: async () => nomad.setLeader(undefined),
    restoreLeader: async () => nomad.setLeader("server-1"),
  };
  return {
    run: (body) => clock.until(body(target)),
    runApart: (body) => clock.until(body(outage)),
    close: async () => undefined,
  };
};

nomadContract("Nomad, emulated", openEmulator);
