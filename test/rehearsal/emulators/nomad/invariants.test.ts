import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { drainBody, startRegion, type Region } from "./region.ts";

const CAPACITY = 4;

type Step =
  | {
      readonly do: "add" | "powerOff" | "disconnect" | "reconnect" | "purge";
      readonly which: number;
    }
  | { readonly do: "drain" | "cordon" | "free"; readonly which: number }
  | { readonly do: "elect" | "pass"; readonly which: number };

const steps = fc.array(
  fc.record({
    do: fc.constantFrom(
      "add",
      "powerOff",
      "disconnect",
      "reconnect",
      "purge",
      "drain",
      "cordon",
      "free",
      "elect",
      "pass",
      "pass",
    ),
    which: fc.nat(20),
  }) as fc.Arbitrary<Step>,
  { minLength: 5, maxLength: 25 },
);

/** What must hold at every moment. */
const checkAlways = (region: Region, nodes: readonly string[]) => {
  for (const id of nodes) {
    const wanted = region.nomad.truth
      .allocations(id)
      .filter((alloc) => alloc.DesiredStatus === "run" && alloc.Job.Type === "service")
      .filter((alloc) => !["complete", "failed", "lost"].includes(alloc.ClientStatus));
    assert.ok(wanted.length <= CAPACITY, `${wanted.length} allocations on a node`);
    const events = region.nomad.truth.node(id)?.Events ?? [];
    assert.ok(events.length <= 10);
  }
};

const apply = async (region: Region, nodes: string[], step: Step) => {
  const node = nodes[step.which % Math.max(1, nodes.length)];
  if (step.do === "add") nodes.push(...(await region.addNodes(1, { capacity: CAPACITY })));
  else if (step.do === "pass") await region.clock.pass(step.which * 2);
  else if (step.do === "elect") {
    region.nomad.setLeader(undefined);
    await region.clock.pass(4);
    region.nomad.setLeader("server-1");
  } else if (node !== undefined) {
    const calls = {
      powerOff: () => region.nomad.powerOff(node),
      disconnect: () => region.nomad.disconnect(node),
      reconnect: () => region.nomad.reconnect(node),
      purge: () => region.call("PUT", `/v1/node/${node}/purge`),
      drain: () => region.call("PUT", `/v1/node/${node}/drain`, drainBody(30 + step.which)),
      cordon: () =>
        region.call("PUT", `/v1/node/${node}/eligibility`, { Eligibility: "ineligible" }),
      free: () => region.call("PUT", `/v1/node/${node}/eligibility`, { Eligibility: "eligible" }),
    };
    await calls[step.do]();
  }
};

/** A log of everything that can be seen. */
const describeRegion = (region: Region, nodes: readonly string[]) =>
  nodes.map((id) => ({
    node: region.nomad.truth.node(id),
    live: region.nomad.truth.liveTasks(id),
    allocs: region.nomad.truth.allocations(id),
  }));

const rehearse = async (seed: number, script: readonly Step[]) => {
  const region = startRegion({ seed });
  const nodes = await region.addNodes(2, { capacity: CAPACITY });
  region.nomad.runJob({ id: "web", groups: [{ count: 5, migrate: { minHealthySeconds: 2 } }] });
  region.nomad.runJob({ id: "logs", type: "system" });
  await region.clock.pass(5);
  for (const step of script) {
    await apply(region, nodes, step);
    checkAlways(region, nodes);
  }
  return { region, nodes };
};

describe("an emulated region, whatever happens to it", () => {
  it("comes to rest with every service running where there is room for it", () =>
    fc.assert(
      fc.asyncProperty(fc.nat(1000), steps, async (seed, script) => {
        const { region, nodes } = await rehearse(seed, script);
        for (const id of nodes) region.nomad.reconnect(id);
        await region.addNodes(2, { capacity: CAPACITY });
        await region.clock.pass(400);
        checkAlways(region, nodes);
        assert.equal(region.running("web").length, 5);
        for (const id of nodes) {
          const node = region.nomad.truth.node(id);
          if (!node) continue;
          const running = region.nomad.truth
            .allocations(id)
            .filter((alloc) => alloc.ClientStatus === "running");
          assert.equal(region.nomad.truth.liveTasks(id), running.length, "belief and truth agree");
          if (node.Status === "down") assert.equal(running.length, 0);
        }
      }),
      { numRuns: 100 },
    ));

  it("does the same again for the same seed", () =>
    fc.assert(
      fc.asyncProperty(fc.nat(1000), steps, async (seed, script) => {
        const one = await rehearse(seed, script);
        const other = await rehearse(seed, script);
        assert.equal(
          JSON.stringify(describeRegion(one.region, one.nodes)),
          JSON.stringify(describeRegion(other.region, other.nodes)),
        );
      }),
      { numRuns: 10 },
    ));
});
