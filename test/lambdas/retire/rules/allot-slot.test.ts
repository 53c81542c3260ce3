import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import type { Lease } from "../../../../lambdas/clients/records.ts";
import {
  allotSlot,
  clusterSlotKeys,
  poolSlotKeys,
  type SlotQuestion,
} from "../../../../lambdas/retire/rules/allot-slot.ts";

const now = 1_000_000;
const lease = (key: string, holder: string, until = now + 1000): Lease => ({ key, holder, until });
const ask = (changes: Partial<SlotQuestion> = {}) =>
  allotSlot({
    pool: "workers",
    poolSlots: 2,
    clusterSlots: 3,
    holder: "me",
    leases: [],
    drainsByOthers: 0,
    drainsByDrover: [],
    now,
    ...changes,
  });
const pool = (index: number) => `slot#pool#workers#${index}`;
const cluster = (index: number) => `slot#cluster#${index}`;

describe("a slot", () => {
  test("is one of the pool and one of the cluster, the first free ones", () => {
    assert.deepEqual(ask(), { kind: "free", keys: [pool(0), cluster(0)] });
    const leases = [lease(pool(0), "a"), lease(cluster(0), "a"), lease(cluster(1), "b")];
    assert.deepEqual(ask({ leases }), { kind: "free", keys: [pool(1), cluster(2)] });
  });

  test("is not given while all of the pool are taken", () => {
    const leases = [lease(pool(0), "a"), lease(pool(1), "b")];
    assert.deepEqual(ask({ leases }), {
      kind: "full",
      explanation: "All 2 slots of pool workers are taken.",
    });
  });

  test("is not given while all of the cluster are taken", () => {
    const leases = [0, 1, 2].map((index) => lease(cluster(index), `other ${index}`));
    assert.deepEqual(ask({ leases }), {
      kind: "full",
      explanation: "3 of 3 nodes that may drain at once in the cluster do.",
    });
  });

  test("is taken by the drain of a person too", () => {
    const leases = [lease(cluster(0), "a")];
    assert.equal(ask({ leases, drainsByOthers: 1 }).kind, "free");
    assert.deepEqual(ask({ leases, drainsByOthers: 2 }), {
      kind: "full",
      explanation:
        "3 of 3 nodes that may drain at once in the cluster do (2 without a slot: by somebody else's hand, or left by an execution that has ended).",
    });
  });

  test("is taken by a drain that an execution has left without its slot", () => {
    const leases = [lease(cluster(0), "a")];
    assert.equal(ask({ leases, drainsByDrover: ["a", "me"] }).kind, "free");
    assert.equal(ask({ leases, drainsByDrover: ["a", "dead"] }).kind, "free");
    assert.equal(ask({ leases, drainsByDrover: ["a", "dead", "dead too"] }).kind, "full");
    assert.equal(ask({ clusterSlots: 1, drainsByDrover: ["dead"] }).kind, "full");
  });

  test("that ran out is free, to the millisecond", () => {
    assert.equal(ask({ poolSlots: 1, leases: [lease(pool(0), "a", now)] }).kind, "full");
    assert.equal(ask({ poolSlots: 1, leases: [lease(pool(0), "a", now - 1)] }).kind, "free");
  });

  test("that is held is found again, also where nothing else is free", () => {
    const leases = [
      lease(pool(0), "a"),
      lease(pool(1), "me"),
      lease(cluster(0), "a"),
      lease(cluster(1), "b"),
      lease(cluster(2), "me"),
    ];
    const again = { kind: "free", keys: [pool(1), cluster(2)] };
    assert.deepEqual(ask({ leases }), again);
    assert.deepEqual(ask({ leases, drainsByOthers: 5 }), again);
  });

  test("above a limit that has sunk since still counts, and its holder keeps it", () => {
    const leases = [lease(cluster(2), "other")];
    assert.deepEqual(ask({ leases, clusterSlots: 1 }), {
      kind: "full",
      explanation: "1 of 1 nodes that may drain at once in the cluster do.",
    });
    const mine = [lease(pool(0), "me"), lease(cluster(2), "me")];
    assert.deepEqual(ask({ leases: mine, clusterSlots: 1 }), {
      kind: "free",
      keys: [pool(0), cluster(2)],
    });
  });
});

/** The table of leases as DynamoDB keeps it: all the conditions hold, or nothing is written. */
const createTable = () => {
  const leases = new Map<string, Lease>();
  return {
    read: (): Lease[] => [...leases.values()],
    take: (keys: readonly string[], holder: string, until: number, at: number): boolean => {
      const isFree = (key: string) => {
        const known = leases.get(key);
        return known === undefined || known.until < at || known.holder === holder;
      };
      if (!keys.every(isFree)) return false;
      for (const key of keys) leases.set(key, { key, holder, until });
      return true;
    },
    release: (holder: string) => {
      for (const each of leases.values()) if (each.holder === holder) leases.delete(each.key);
    },
    live: (at: number) => [...leases.values()].filter(({ until }) => until >= at),
  };
};

const poolOf = (holder: number) => (holder % 2 === 0 ? "even" : "odd");

/** What can happen, in any order: looking and writing are two steps of a taker. */
const anyStep = fc.oneof(
  fc.record({ kind: fc.constant("look" as const), holder: fc.nat(5) }),
  fc.record({ kind: fc.constant("write" as const), holder: fc.nat(5) }),
  fc.record({ kind: fc.constant("release" as const), holder: fc.nat(5) }),
  fc.record({ kind: fc.constant("pass" as const), span: fc.constantFrom(1, 400, 1000) }),
);

describe("slots, over any interleaving of takers, expiries and drains of people,", () => {
  const play = (
    steps: readonly (typeof anyStep extends fc.Arbitrary<infer Step> ? Step : never)[],
    sizes: { poolSlots: number; clusterSlots: number; drainsByOthers: number },
    check: (table: ReturnType<typeof createTable>, at: number) => void,
  ) => {
    const table = createTable();
    const wanted = new Map<number, readonly string[]>();
    let at = now;
    for (const step of steps) {
      if (step.kind === "pass") at += step.span;
      else if (step.kind === "release") table.release(String(step.holder));
      else if (step.kind === "look") {
        const answer = allotSlot({
          ...sizes,
          drainsByDrover: [],
          pool: poolOf(step.holder),
          holder: String(step.holder),
          leases: table
            .read()
            .filter(
              ({ key }) => key.startsWith("slot#cluster") || key.includes(poolOf(step.holder)),
            ),
          now: at,
        });
        if (answer.kind === "free") wanted.set(step.holder, answer.keys);
        else wanted.delete(step.holder);
      } else {
        const keys = wanted.get(step.holder);
        if (keys) table.take(keys, String(step.holder), at + 1000, at);
        wanted.delete(step.holder);
      }
      check(table, at);
    }
  };
  const anySizes = fc.record({
    poolSlots: fc.integer({ min: 1, max: 3 }),
    clusterSlots: fc.integer({ min: 1, max: 4 }),
    drainsByOthers: fc.nat(2),
  });

  test("are never more than there are", () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 40 }), anySizes, (steps, sizes) => {
        play(steps, sizes, (table, at) => {
          const live = table.live(at);
          for (const name of ["even", "odd"]) {
            const inPool = live.filter(({ key }) => key.startsWith(`slot#pool#${name}#`));
            assert.ok(inPool.length <= sizes.poolSlots);
          }
          const inCluster = live.filter(({ key }) => key.startsWith("slot#cluster#"));
          assert.ok(inCluster.length <= Math.max(0, sizes.clusterSlots - sizes.drainsByOthers));
        });
      }),
      { numRuns: 2000 },
    );
  });

  test("are one of each kind for each holder", () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 40 }), anySizes, (steps, sizes) => {
        play(steps, sizes, (table, at) => {
          for (let holder = 0; holder <= 5; holder += 1) {
            const mine = table.live(at).filter((each) => each.holder === String(holder));
            const ofCluster = mine.filter(({ key }) => key.startsWith("slot#cluster#"));
            assert.ok(ofCluster.length <= 1 && mine.length - ofCluster.length <= 1);
          }
        });
      }),
      { numRuns: 2000 },
    );
  });

  test("are the same at a repeated call, whatever else is taken meanwhile", () => {
    const anyLease = fc.record({
      key: fc.constantFrom(...poolSlotKeys("workers", 2), ...clusterSlotKeys(3)),
      holder: fc.constantFrom("a", "b", "c"),
      until: fc.constantFrom(now - 1, now, now + 1000),
    });
    const anyLeases = fc.uniqueArray(anyLease, { selector: ({ key }) => key });
    fc.assert(
      fc.property(anyLeases, anyLeases, fc.nat(3), (before, after, drainsByOthers) => {
        const first = ask({ leases: before });
        fc.pre(first.kind === "free");
        const mine = first.keys.map((key) => lease(key, "me"));
        const others = after.filter(({ key }) => !first.keys.includes(key));
        assert.deepEqual(ask({ leases: [...mine, ...others], drainsByOthers }), first);
      }),
    );
  });
});
