import assert from "node:assert/strict";
import { describe, it } from "node:test";

import * as fc from "fast-check";

import { createAgenda } from "../../../../rehearsal/agenda.ts";
import { createBus } from "../../../../rehearsal/emulators/event-bridge/bus.ts";
import type {
  BusEvent,
  BusFaults,
  Target,
} from "../../../../rehearsal/emulators/event-bridge/bus.ts";
import { seeded } from "../../../../rehearsal/random.ts";
import { createManualClock } from "../manual-clock.ts";

const event = (id: string, source = "aws.ec2"): BusEvent => ({
  version: "0",
  id,
  "detail-type": "EC2 Spot Instance Interruption Warning",
  source,
  account: "123456789012",
  time: "2026-01-01T00:00:00Z",
  region: "eu-west-1",
  resources: [],
  detail: { "instance-id": "i-1" },
});

const world = (faults: Partial<BusFaults> = {}, seed = 1) => {
  const clock = createManualClock();
  const bus = createBus({
    agenda: createAgenda(clock),
    now: () => clock.now(),
    random: seeded(seed),
    faults,
  });
  const add = (deliver: Target["deliver"], more: Partial<Target> = {}) =>
    bus.addRule({
      name: `rule-${Math.random()}`,
      pattern: { source: ["aws.ec2"] },
      targets: [{ id: "target", deliver, ...more }],
    });
  return { clock, bus, add };
};

describe("a bus", () => {
  it("delivers what matches, later", async () => {
    const { clock, bus, add } = world();
    const got: string[] = [];
    add(({ id }) => void got.push(id));
    bus.publish(event("1"));
    bus.publish(event("2", "aws.health"));
    assert.deepEqual(got, []);
    assert.equal(bus.underWay(), 1);
    await clock.pass(1_500);
    assert.deepEqual(got, ["1"]);
    assert.equal(bus.underWay(), 0);
    assert.deepEqual(
      bus.published.map(({ id }) => id),
      ["1", "2"],
    );
  });

  it("gives every target a copy of its own", async () => {
    const { clock, bus, add } = world();
    const got: BusEvent[] = [];
    for (const _ of [1, 2]) add((each) => void got.push(each));
    const published = event("1");
    bus.publish(published);
    (published.detail as { x?: number }).x = 1;
    await clock.pass(2_000);
    assert.notEqual(got[0], got[1]);
    assert.deepEqual(got[0], event("1"));
  });

  it("tries again with growing pauses until the target takes it", async () => {
    const { clock, bus, add } = world();
    const at: number[] = [];
    add(() => {
      at.push(clock.now());
      if (at.length < 5) throw new Error("throttled");
    });
    bus.publish(event("1"));
    await clock.pass(3_600_000);
    assert.equal(at.length, 5);
    const pauses = at.slice(1).map((time, index) => time - (at[index] ?? 0));
    for (const [index, pause] of pauses.entries())
      assert.ok(pause >= 500 * 2 ** index && pause <= 1000 * 2 ** index + 1, String(pauses));
    assert.deepEqual(
      bus.deliveries.map(({ outcome }) => outcome),
      ["failed", "failed", "failed", "failed", "delivered"],
    );
  });

  it("gives up after its attempts, or when the event is too old, to the dead letters", async () => {
    const { clock, bus, add } = world();
    const dead: string[] = [];
    const fail = async () => {
      throw new Error("broken");
    };
    const deadLetter = ({ id }: BusEvent, error: unknown) =>
      void dead.push(`${id} ${String(error)}`);
    add(fail, { maximumRetryAttempts: 2, deadLetter });
    bus.publish(event("1"));
    await clock.pass(60_000);
    assert.deepEqual(dead, ["1 Error: broken"]);
    assert.equal(bus.deliveries.length, 3);

    const old = world();
    old.add(fail, { maximumEventAgeSeconds: 60, deadLetter });
    old.bus.publish(event("2"));
    await old.clock.pass(120_000);
    assert.deepEqual(dead, ["1 Error: broken", "2 Error: broken"]);
    assert.equal(old.bus.deliveries.at(-1)?.outcome, "given up");
    assert.equal(old.bus.underWay(), 0);
  });

  it("delivers at least once, unless events are lost", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        fc.double({ min: 0, max: 0.9, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (seed, failures, duplicates) => {
          const { clock, bus, add } = world({ duplicates }, seed);
          const luck = seeded(seed + 1);
          const got = new Map<string, number>();
          add(({ id }) => {
            if (luck() < failures) throw new Error("throttled");
            got.set(id, (got.get(id) ?? 0) + 1);
          });
          for (let id = 0; id < 20; id++) bus.publish(event(String(id)));
          await clock.pass(86_400_000);
          assert.equal(got.size, 20);
          assert.equal(bus.underWay(), 0);
          if (duplicates === 0) assert.ok([...got.values()].every((times) => times === 1));
        },
      ),
      { numRuns: 20 },
    );
  });

  it("loses events when it is told to, and removes rules", async () => {
    const { clock, bus, add } = world({ losses: 1 });
    const got: string[] = [];
    add(({ id }) => void got.push(id));
    bus.publish(event("1"));
    bus.setFaults({ losses: 0 });
    bus.addRule({
      name: "short-lived",
      pattern: { source: ["aws.ec2"] },
      targets: [{ id: "never", deliver: () => assert.fail("it was removed") }],
    });
    bus.removeRule("short-lived");
    bus.publish(event("2"));
    await clock.pass(2_000);
    assert.deepEqual(got, ["2"]);
  });
});
