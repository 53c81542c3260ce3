import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Duration } from "aws-cdk-lib";
import { composeSleepJob } from "../../rehearsal/agents/jobs.ts";
import { type LiveWorld, startLiveWorld } from "./live-world.ts";

const stopParameter = "/drover/default/stop";

describe("instances and settings that are not like the others", { timeout: 400_000 }, () => {
  let live: LiveWorld;
  let letIn: () => void = () => undefined;
  const isLetIn = new Promise<void>((resolve) => {
    letIn = resolve;
  });

  before(async () => {
    const servers = ["nomad", "consul"] as const;
    let started = 0;
    live = await startLiveWorld({
      pools: [
        { pool: "weak" },
        { pool: "dark", joinGrace: Duration.seconds(6) },
        { pool: "late", joinGrace: Duration.minutes(2) },
        { pool: "servers", onDrainFailure: "retain" },
        { pool: "hand" },
        { pool: "watched", observeOnly: true },
        { pool: "stopped" },
      ],
      start: (cluster, { id: instanceId }, pool) => {
        if (pool === "dark") return Promise.resolve();
        if (pool === "late") return isLetIn.then(() => cluster.addClient({ instanceId, pool }));
        if (pool !== "servers") return cluster.addClient({ instanceId, pool });
        const serves = servers[started % 2];
        started += 1;
        return cluster.addServerWithClient({ instanceId, pool }, serves);
      },
    });
  });
  after(() => live.stop());

  /** An instance in service whose machine has not joined. */
  const launchAlone = async (pool: string): Promise<string> => {
    const group = live.group(pool);
    live.world.autoScaling.scaleTo(group, 1);
    const [instance] = await live.cluster.waitFor(`an instance of ${pool}`, () => {
      const found = live.world.autoScaling.instances(group);
      return found[0]?.state === "InService" ? found : undefined;
    });
    return instance!.id;
  };
  const hasLogged = (instanceId: string, text: string) => () =>
    live.world.log.some((line) => line.includes(instanceId) && line.includes(text));

  it("a token that cannot see all namespaces drains nothing, until it is rotated", async () => {
    const [only] = (await live.scale("weak", 1)) as [string];
    const secret = live.world.stack.functions.find(({ env }) => env["NOMAD_TOKEN_SECRET"])?.env[
      "NOMAD_TOKEN_SECRET"
    ];
    assert.ok(secret);
    await live.cluster.nomadApi("POST", "/v1/acl/policy/weak", {
      Name: "weak",
      Rules: 'node { policy = "write" }\nnamespace "default" { capabilities = ["read-job"] }',
    });
    const weak = await live.cluster.nomadApi<{ SecretID: string }>("POST", "/v1/acl/token", {
      Name: "weak",
      Type: "client",
      Policies: ["weak"],
    });
    live.world.secrets.rotate(secret, weak.SecretID);

    await live.terminate(only);
    await live.cluster.waitFor("the refusal", hasLogged(only, "would see busy nodes as empty"));
    assert.equal(live.hookOf(only), undefined);
    const node = await live.node(only);
    assert.deepEqual([node?.SchedulingEligibility, node?.LastDrain], ["eligible", null]);

    live.world.secrets.rotate(secret, live.cluster.tokens.nomad);
    assert.equal(await live.hookDecided(only), "CONTINUE completed");
  });

  it("one that never joined is let go when its time to join is over", async () => {
    // Without any other the address would be wrong, for all that Drover knows.
    await live.scale("hand", 1);
    const instanceId = await launchAlone("dark");
    const began = Date.now();
    await live.terminate(instanceId);
    assert.equal(await live.hookDecided(instanceId), "CONTINUE completed");
    assert.ok(live.hookDecidedAt(instanceId) - began >= 6_000);
    assert.ok(hasLogged(instanceId, "No node joined within 6 s")());
  });

  it("one that joins late, but in time, is drained like any other", async () => {
    const instanceId = await launchAlone("late");
    await live.terminate(instanceId);
    await live.cluster.waitFor("a first look", hasLogged(instanceId, "No node yet"));
    letIn();
    assert.equal(await live.hookDecided(instanceId), "CONTINUE completed");
    const execution = live.executionOf(instanceId);
    assert.ok(hasLogged(instanceId, "cordoned the node")(), execution?.name);
  });

  it("a server of Nomad or Consul is refused, and not touched", async () => {
    const before = await live.scale("servers", 2);
    for (const instanceId of before) {
      // A client may update its own record meanwhile, so its index is left out.
      const describeNode = async () => {
        const node = await live.node(instanceId);
        return [node?.ID, node?.Status, node?.SchedulingEligibility, node?.LastDrain];
      };
      const nodeBefore = await describeNode();
      await live.terminate(instanceId);
      const { status, error, cause } = await live.ended(instanceId);
      assert.deepEqual([status, error], ["FAILED", "ServerRefused"]);
      assert.match(cause ?? "", /server/);
      assert.deepEqual(await describeNode(), nodeBefore);
      assert.equal(live.hookOf(instanceId), "ABANDON completed");
      await live.cluster.waitFor(
        "its retention",
        () => live.world.autoScaling.instance(instanceId).state === "Terminating:Retained",
      );
    }
    const { servers } = await live.world.park.look();
    assert.ok(!servers.some((server) => /left|failed/.test(server)), servers.join());
  });

  it("a pool that is only observed loses its instance undrained, and it is said so", async () => {
    const [only] = (await live.scale("watched", 1)) as [string];
    await live.cluster.runJob(composeSleepJob("watched", { pool: "watched" }));
    await live.terminate(only);
    const node = () => live.node(only);
    let seen: Awaited<ReturnType<typeof node>>;
    await live.cluster.waitFor("the decision", async () => {
      seen = (await node()) ?? seen;
      return live.hookOf(only) !== undefined;
    });
    assert.equal(live.hookOf(only), "CONTINUE completed");
    assert.deepEqual([seen?.SchedulingEligibility, seen?.LastDrain], ["eligible", null]);
  });

  it("while Drover is stopped nothing begins, and the hook is kept alive", async () => {
    const [only] = (await live.scale("stopped", 1)) as [string];
    live.world.ssm.put(stopParameter, "stop");
    await live.terminate(only);
    const heartbeats = () =>
      live.world.autoScaling.instance(only).actions.flatMap((action) => action.heartbeats);
    await live.cluster.waitFor("a heartbeat", () => heartbeats().length > 0);
    const node = await live.node(only);
    assert.deepEqual([node?.SchedulingEligibility, node?.LastDrain], ["eligible", null]);
    assert.equal(live.hookOf(only), undefined);
    live.world.ssm.put(stopParameter, "go");
    assert.equal(await live.hookDecided(only), "CONTINUE completed");
  });

  it("by hand a running instance is drained, terminated and replaced, or not replaced", async () => {
    const [first] = (await live.scale("hand", 1)) as [string];
    await live.startByHand("by-hand-1", { instanceId: first });
    const members = () =>
      live.world.autoScaling
        .instances(live.group("hand"))
        .filter(({ state }) => state === "InService");
    const second = await live.cluster.waitFor(
      "its replacement",
      () => members().find(({ id }) => id !== first)?.id,
      120_000,
    );
    await live.world.park.ready([second]);
    await live.startByHand("by-hand-2", { instanceId: second, capacity: "shrink" });
    await live.cluster.waitFor("the end of both", () => members().length === 0, 120_000);
    assert.equal(live.world.autoScaling.group(live.group("hand")).desired, 0);
    for (const instanceId of [first, second]) {
      const output = await live.retired(instanceId);
      assert.deepEqual([output.drain, output.end], ["clean", "gone"]);
      await live.assertForgotten(instanceId);
    }
  });

  it("by hand a wrong input is refused with what was wrong and a right one", async () => {
    const refusal = async (name: string, input: object) => {
      const execution = await live.startByHand(name, input);
      await live.cluster.waitFor("the refusal", () => execution.status !== "RUNNING");
      assert.deepEqual([execution.status, execution.error], ["FAILED", "InputRefused"]);
      return execution.cause ?? "";
    };
    const misspelt = await refusal("misspelt", { instanceID: "i-0123456789abcdef0" });
    assert.match(misspelt, /instanceID/);
    assert.match(misspelt, /Right are \{/);
    const unknown = await refusal("unknown", { instanceId: "i-0123456789abcdef0" });
    assert.match(unknown, /no Auto Scaling group has i-0123456789abcdef0/);
  });

  it("what was retired is forgotten, what was only observed is not", async () => {
    const drains = {
      weak: "clean",
      dark: "none",
      late: "clean",
      watched: "none",
      stopped: "clean",
    };
    for (const [pool, drain] of Object.entries(drains)) {
      const [instance] = live.world.autoScaling.instances(live.group(pool));
      const output = await live.retired(instance!.id);
      assert.equal(output.drain, drain, pool);
      if (pool === "watched") {
        assert.deepEqual(output.forgotten, { nomad: "left alone", consul: "left alone" });
        assert.ok(await live.node(instance!.id), "nothing was done in Nomad");
      } else await live.assertForgotten(instance!.id);
    }
    assert.deepEqual(live.world.deadLetters, []);
  });
});
