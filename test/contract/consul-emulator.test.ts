import { createConsul } from "../../rehearsal/emulators/consul/create-consul.ts";
import { seeded, uuid } from "../../rehearsal/random.ts";
import { createVirtualClock } from "../rehearsal/emulators/virtual-clock.ts";
import { consulContract } from "./consul.ts";
import type { ConsulTarget, OpenedConsul } from "./consul-target.ts";

const openEmulator = async (): Promise<OpenedConsul> => {
  const clock = createVirtualClock();
  const random = seeded(20_260_302);
  const consul = createConsul({ clock, random });
  consul.addServer({ name: "server-1", address: "10.0.0.1" });
  consul.addAgent({ name: "server-1", address: "10.0.0.1", services: [{ name: "consul" }] });
  const management = uuid(random);
  consul.acl.addToken({ secret: management, accessor: uuid(random), grants: "management" });
  let serial = 0;

  const target: ConsulTarget = {
    datacenter: "dc1",
    async call(method, path, { body, token = management } = {}) {
      const response = await consul.service(
        new Request(`http://10.0.0.1:8500${path}`, {
          method,
          headers: { "X-Consul-Token": token },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        }),
      );
      const text = await response.text();
      return { status: response.status, text, json: () => JSON.parse(text) };
    },
    async addAgent(as) {
      serial += 1;
      const instanceId = `i-${serial}`;
      const [name, service] = [as ?? instanceId, "nomad-client"];
      consul.addAgent({
        name,
        instanceId,
        address: `10.0.1.${serial}`,
        services: [{ name: service }],
      });
      while (consul.truth.services(name)?.length !== 1) await clock.sleep(100);
      return { name, service };
    },
    powerOff: async (name) => consul.powerOff(name),
    leave: async (name) => consul.leave(name),
    async createToken(grants) {
      const secret = uuid(random);
      consul.acl.addToken({ secret, accessor: uuid(random), grants });
      return secret;
    },
    patience: 1,
    seconds: () => clock.now() / 1000,
    pause: (seconds) => clock.sleep(seconds * 1000),
  };
  return { run: (body) => clock.until(body(target)), close: async () => undefined };
};

consulContract("Consul, emulated", openEmulator);
