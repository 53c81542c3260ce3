import assert from "node:assert/strict";
import { pbkdf2 } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, test } from "node:test";
import { promisify } from "node:util";
import { brotliCompress, gzip } from "node:zlib";
import { abortAfter } from "../../../lambdas/runtime/clock.ts";
import { startVirtualTime, type VirtualTime } from "../../../rehearsal/clock/virtual-time.ts";

const day = 86_400_000;
let time: VirtualTime;
const begin = (options = {}) => (time = startVirtualTime({ seed: 1, ...options }));
afterEach(() => time.end());

/** Runs work beside a clock that would love to run away; says how much time went by. */
const timeDuring = async (work: () => Promise<unknown>): Promise<number> => {
  const { clock } = begin();
  const keepTicking = (): void => void setTimeout(keepTicking, 100);
  keepTicking();
  let ended: number | undefined;
  const done = work().then(() => (ended = clock.now()));
  assert.ok(await time.runUntil(() => ended !== undefined));
  await done;
  return ended! - time.startedAt;
};

describe("virtual time", () => {
  test("passes from timer to timer, and not while promises settle", async () => {
    const { clock, startedAt } = begin();
    const seen: [string, number][] = [];
    const note = (what: string) => seen.push([what, clock.now() - startedAt]);
    const walk = async () => {
      await clock.sleep(3_600_000);
      note("an hour");
      for (let turn = 0; turn < 100; turn += 1) await Promise.resolve();
      await new Promise((resolve) => void setImmediate(resolve));
      note("still");
      await clock.sleep(1);
      note("a millisecond");
    };
    void walk();
    await time.runUntilIdle();
    assert.deepEqual(seen, [
      ["an hour", 3_600_000],
      ["still", 3_600_000],
      ["a millisecond", 3_600_001],
    ]);
  });

  test("stands while a file is read and 8 MB are compressed", async () => {
    const passed = await timeDuring(async () => {
      await readFile(import.meta.filename);
      await promisify(gzip)(Buffer.alloc(8_000_000, "Drover"));
      await promisify(brotliCompress)(Buffer.alloc(100_000, "Drover"));
      await readFile(import.meta.filename);
    });
    assert.equal(passed, 0);
  });

  test("stands while the thread pool computes a digest and a key", async () => {
    const passed = await timeDuring(async () => {
      await crypto.subtle.digest("SHA-256", Buffer.alloc(10_000_000));
      await promisify(pbkdf2)("word", "salt", 50_000, 32, "sha256");
    });
    assert.equal(passed, 0);
  });

  test("stands while a real server on loopback is asked", async () => {
    const server = createServer(
      (_, answer) => void readFile(import.meta.filename).then((text) => answer.end(text)),
    );
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const passed = await timeDuring(async () => {
        const answer = await fetch(`http://127.0.0.1:${port}/`, {
          headers: { connection: "close" },
        });
        await answer.text();
      });
      assert.equal(passed, 0);
    } finally {
      server.close();
    }
  });

  test("stands while something is held", async () => {
    let release = () => {};
    const passed = await timeDuring(async () => {
      const held = time.hold(new Promise<void>((resolve) => (release = resolve)));
      // Many turns of the loop go by, in which nobody could tell that work is done.
      let turns = 0;
      const count = () => {
        turns += 1;
        if (turns === 50) release();
        else setImmediate(count);
      };
      count();
      await held;
    });
    assert.equal(passed, 0);
  });

  test("says what it waits for when real work does not end", async () => {
    begin({ patience: 5 });
    void time.hold(new Promise(() => {}));
    await assert.rejects(
      time.runUntil(() => false),
      /held in flight for 5 ms/,
    );
  });

  test("does timers beyond 24.8 days at their time, and takes them back", async () => {
    const { clock, startedAt } = begin();
    const fired: number[] = [];
    setTimeout(() => fired.push((clock.now() - startedAt) / day), 365 * day);
    const cancelled = setTimeout(() => assert.fail("was taken back"), 100 * day);
    await time.pass(60 * day);
    clearTimeout(cancelled);
    await time.runUntilIdle();
    assert.deepEqual(fired, [365]);
  });

  test("lets at least a millisecond pass for whoever waits for nothing", async () => {
    const { clock, startedAt } = begin();
    let rounds = 0;
    const spin = async () => {
      for (; rounds < 10; rounds += 1) await clock.sleep(0);
    };
    void spin();
    await time.runUntilIdle();
    assert.equal(rounds, 10);
    assert.equal(clock.now() - startedAt, 10);
  });

  test("runs until a condition, within a span, or until nothing is left", async () => {
    const { clock, startedAt } = begin();
    let count = 0;
    const each = setInterval(() => (count += 1), 1000);
    assert.equal(await time.runUntil(() => count === 3), true);
    assert.equal(clock.now() - startedAt, 3000);
    assert.equal(await time.runUntil(() => false, 2500), false);
    assert.equal(clock.now() - startedAt, 5500);
    clearInterval(each);
    assert.equal(await time.runUntil(() => false), false);
    assert.equal(clock.now() - startedAt, 5500);
    await time.pass(10);
    assert.equal(clock.now() - startedAt, 5510);
  });

  test("fires what an aborted wait and a time limit ask for", async () => {
    const { clock } = begin();
    const { signal } = abortAfter(clock, 50);
    const outcome = clock.sleep(1000, signal).then(
      () => "slept",
      (reason: Error) => reason.name,
    );
    await time.runUntilIdle();
    assert.equal(await outcome, "TimeoutError");
  });

  test("seeds Math.random, and gives the process its own back", () => {
    const draw = (seed: number) => {
      begin({ seed });
      const drawn = [Math.random(), Math.random()];
      time.end();
      return drawn;
    };
    assert.deepEqual(draw(7), draw(7));
    assert.notDeepEqual(draw(7), draw(8));
    const real = Math.random;
    begin();
    assert.throws(() => startVirtualTime({ seed: 2 }), /already/);
    time.end();
    assert.equal(Math.random, real);
    assert.ok(Math.abs(Date.now() - (performance.timeOrigin + performance.now())) < 1000);
    begin();
  });

  test("does 50,000 timers, each at its time", async () => {
    const { clock, startedAt } = begin();
    const late: number[] = [];
    const walk = async (number: number) => {
      let due = startedAt;
      for (let step = 0; step < 50; step += 1) {
        const span = 100 + ((number * step) % 17);
        due += span;
        await clock.sleep(span);
        if (clock.now() !== due) late.push(number);
      }
      return due;
    };
    const ends = Array.from({ length: 1000 }, (_, number) => walk(number));
    await time.runUntilIdle();
    assert.deepEqual(late, []);
    assert.equal(clock.now(), Math.max(...(await Promise.all(ends))));
  });
});
