import { createPerson } from "../../../rehearsal/scenarios/person.ts";
import {
  beside,
  slow,
  excuse,
  few,
  first,
  forAWhile,
  later,
  leaving,
  minute,
  nomadOf,
  once,
  one,
  parkOf,
  second,
  setHeartbeat,
  type Situations,
  slowShipper,
  tooManyConnections,
  writesOfDrover,
} from "./staging.ts";

const token = "nomad-token-of-drover";

/** Of Nomad, Consul and AWS. */
export const troubles = {
  "Nomad cannot be reached for three quarters of an hour": () => ({
    ...few,
    onReady: (world) =>
      forAWhile(
        world,
        { for: 45 * minute },
        () => nomadOf(world).setOutage("refused"),
        () => nomadOf(world).setOutage(undefined),
      ),
  }),
  "Nomad cannot be reached, and a person stops Drover meanwhile": () => ({
    ...few,
    onReady: (world) => {
      const person = createPerson(world);
      forAWhile(
        world,
        { for: 20 * minute },
        () => nomadOf(world).setOutage("refused"),
        () => nomadOf(world).setOutage(undefined),
      );
      forAWhile(
        world,
        { from: 10 * minute, for: 40 * minute },
        () => person.setStop("stop"),
        () => person.setStop("go"),
      );
    },
  }),
  "Nomad answers with errors of its own": () => ({
    ...few,
    onReady: (world) =>
      forAWhile(
        world,
        { for: 20 * minute },
        () => nomadOf(world).setLeader(undefined),
        () => nomadOf(world).setLeader("nomad-server-1"),
      ),
  }),
  "Nomad cannot be reached until the hook has almost lived its time": () => ({
    ...one,
    onReady: (world) => {
      setHeartbeat(world, 30);
      forAWhile(
        world,
        { for: 41 * minute },
        () => nomadOf(world).setOutage("refused"),
        () => nomadOf(world).setOutage(undefined),
      );
    },
  }),
  "two drains cannot wait for each other, since their hooks live no longer": () => ({
    ...few,
    setUp: beside({ id: "pair", distinctHosts: true, groups: [{ count: 4 }] }),
    onReady: (world) => {
      setHeartbeat(world, 30);
      forAWhile(
        world,
        { for: 35 * minute },
        () => nomadOf(world).setOutage("refused"),
        () => nomadOf(world).setOutage(undefined),
      );
    },
  }),
  "Nomad cannot be reached for longer than the hook lives": () => ({
    ...one,
    // What could not be forgotten then is the reconciler's.
    schedule: [],
    onReady: (world) => {
      setHeartbeat(world, 60);
      forAWhile(
        world,
        { for: 3 * 60 * minute },
        () => nomadOf(world).setOutage("refused"),
        () => nomadOf(world).setOutage(undefined),
      );
    },
  }),
  "Nomad has no connection to give": () => ({
    ...few,
    onReady: (world) => {
      const { nomad, endpoints } = parkOf(world);
      // Others behind the same address hold all that it gives to one.
      const path = `${endpoints.nomadAddress}/v1/nodes?index=1000000&wait=600s`;
      const headers = { "x-nomad-token": "nomad-management" };
      const hold = () => nomad.service(new Request(path, { headers })).catch(() => undefined);
      for (let held = 0; held < 100; held += 1) void hold();
    },
  }),
  "the token is refused for a while": () => ({
    ...few,
    onReady: (world) => {
      const { acl } = nomadOf(world);
      forAWhile(
        world,
        { for: 30 * minute },
        () => acl.removeToken(token),
        () =>
          acl.addToken({
            secret: token,
            accessor: parkOf(world).chronicle?.droverAccessor ?? "",
            policies: ["drover"],
          }),
      );
    },
  }),
  "Nomad is busy once a drain has begun": () => ({
    ...one,
    setUp: beside(slowShipper),
    onReady: (world) => {
      for (const drains of [1, 2])
        once(
          world,
          () => writesOfDrover(world, "drain").length >= drains,
          () => {
            const stop = world.ledger.interfere(async ({ destination }, send) =>
              destination === "nomad" ? tooManyConnections() : send(),
            );
            later(world, 70 * second, stop);
          },
        );
    },
  }),
  "the token cannot see what runs": () => ({
    ...few,
    onReady: (world) => {
      const { acl } = nomadOf(world);
      forAWhile(
        world,
        { for: 30 * minute },
        () =>
          acl.addPolicy("drover", {
            node: "write",
            namespaces: { another: { capabilities: ["read-job", "csi-list-volume"] } },
          }),
        () =>
          acl.addPolicy("drover", {
            node: "write",
            namespaces: { "*": { capabilities: ["read-job", "csi-list-volume"] } },
          }),
      );
    },
  }),
  "Nomad answers with errors of its own while a node drains": () => ({
    ...one,
    setUp: beside(slow),
    onReady: (world) =>
      once(
        world,
        () => writesOfDrover(world, "drain").length > 0,
        () =>
          forAWhile(
            world,
            { from: 3 * second, for: 5 * minute },
            () => nomadOf(world).setLeader(undefined),
            () => nomadOf(world).setLeader("nomad-server-1"),
          ),
      ),
  }),
  "Auto Scaling throttles": () => ({
    ...one,
    setUp: beside(slow),
    onReady: ({ clock, autoScaling }) =>
      // When the neighbours have completed theirs.
      void clock
        .sleep(minute)
        .then(() => autoScaling.refuse("CompleteLifecycleAction", "Throttling", 6)),
  }),
  "the answer to a drain is lost": () => ({
    ...one,
    onReady: (world) =>
      once(
        world,
        () => writesOfDrover(world, "eligibility").length > 0,
        () =>
          once(
            world,
            () => writesOfDrover(world, "drain").length > 0,
            () => void world.containers.kill(() => true),
            2,
          ),
      ),
  }),
  "the event of a hook is lost": () => ({
    ...one,
    onReady: (world) =>
      forAWhile(
        world,
        { for: 20 * second },
        () => world.bus.setFaults({ losses: 1 }),
        () => world.bus.setFaults({ losses: 0 }),
      ),
  }),
  "a node joins late": () => ({
    ...one,
    onReady: (world) => {
      const { id } = first(leaving(world, one.terminate));
      const nomad = nomadOf(world);
      nomad.disconnect(id);
      void createPerson(world).purge(id);
      later(world, 3 * minute, () => nomad.reconnect(id));
    },
  }),
  "a node never joins": () => {
    let lost: { id: string }[] = [];
    return {
      ...one,
      onReady: (world) => {
        lost = leaving(world, one.terminate);
        const { id } = first(lost);
        nomadOf(world).disconnect(id);
        void createPerson(world).purge(id);
      },
      excuses: () =>
        excuse(
          lost,
          ["no-live-work-lost", "nobody-remembered"],
          "Nomad never knew what ran there, nor its member",
        ),
    };
  },
  "an agent says a last word after it was forgotten": () => ({
    ...one,
    onReady: (world) => {
      const { id, privateIp: address } = first(leaving(world, one.terminate));
      const { nomad, consul } = parkOf(world);
      const nodeId = nomad.truth.node(id)?.ID ?? "";
      once(
        world,
        () => writesOfDrover(world, "purge").length > 0,
        () =>
          later(world, 20 * second, () => {
            nomad.addNode({ instanceId: id, address, nodeId });
            consul.addAgent({ name: id, address, instanceId: id });
            later(world, 5 * second, () => {
              nomad.powerOff(nodeId);
              consul.powerOff(id);
            });
          }),
      );
    },
  }),
} as const satisfies Situations;
