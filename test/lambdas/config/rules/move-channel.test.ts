import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { type Channel, formatChannel, historyLength } from "../../../../lambdas/config/channel.ts";
import {
  type Moved,
  type Mover,
  promote,
  publish,
  rollBack,
  withdraw,
} from "../../../../lambdas/config/rules/move-channel.ts";

const digest = (letter: string): string => letter.repeat(64);
const mover: Mover = { who: "ada", now: Date.UTC(2026, 10, 25, 10) };

const channelOf = (moved: Moved): Channel => {
  assert.ok(moved.moved);
  return moved.channel;
};
const shown = ({ current, candidate, previous }: Channel): string =>
  [current, candidate, previous].map((each) => each?.[0] ?? "-").join("");

/** The channel after moves, such as "pa" (publish a), "Ab" … */
const after = (...moves: readonly string[]): Channel | undefined => {
  let channel: Channel | undefined;
  for (const [kind, letter = ""] of moves) {
    const sha256 = digest(letter);
    let moved: Moved;
    if (kind === "p") moved = publish("workers", channel, sha256, mover);
    else if (kind === "P") moved = promote("workers", channel, sha256, mover);
    else if (!channel) continue;
    else if (kind === "w") moved = withdraw(channel, mover);
    else moved = rollBack(channel, letter === "" ? undefined : sha256, mover);
    if (moved.moved) channel = moved.channel;
  }
  return channel;
};

describe("a channel", () => {
  for (const [moves, expected] of [
    [["pa"], "-a-"],
    [["Pa"], "a--"],
    [["Pa", "pb"], "ab-"],
    [["Pa", "pb", "Pb"], "b-a"],
    [["Pa", "pb", "pc"], "ac-"],
    [["Pa", "pb", "pa"], "a--"],
    [["Pa", "pb", "Pa"], "a--"],
    [["Pa", "Pb", "r"], "a-b"],
    [["Pa", "Pb", "pc", "r"], "a-b"],
    [["Pa", "Pb", "Pc", "ra"], "a-c"],
    [["Pa", "Pb", "pc", "rb"], "b-a"],
    [["Pa", "pb", "w"], "a--"],
  ] as const) {
    it(`is ${expected} (current, candidate, previous) after ${moves.join(" ")}`, () => {
      const channel = after(...moves);
      assert.ok(channel);
      assert.equal(shown(channel), expected);
    });
  }

  it("is not moved by what it says already, nor back where there is nothing", () => {
    const channel = after("Pa", "pb");
    assert.ok(channel);
    assert.equal(publish("workers", channel, digest("b"), mover).moved, false);
    assert.equal(rollBack(channel, undefined, mover).moved, false);
    const still = after("Pa");
    assert.ok(still);
    assert.equal(promote("workers", still, digest("a"), mover).moved, false);
    assert.equal(publish("workers", still, digest("a"), mover).moved, false);
    assert.equal(rollBack(still, digest("a"), mover).moved, false);
    assert.equal(withdraw(still, mover).moved, false);
  });

  it("says who moved it, when, and from what", () => {
    const channel = channelOf(
      publish("workers", undefined, digest("a"), { ...mover, revision: "1abb190" }),
    );
    assert.deepEqual(channel.history, [
      {
        serial: 1,
        time: "2026-11-25T10:00:00Z",
        move: "published",
        sha256: digest("a"),
        revision: "1abb190",
        who: "ada",
      },
    ]);
    assert.equal(channel.issued, "2026-11-25T10:00:00Z");
  });

  it("counts every move, whatever they are, and remembers the last fifty", () => {
    const move = fc.constantFrom("pa", "pb", "pc", "Pa", "Pb", "Pc", "r", "ra", "rb", "w");
    fc.assert(
      fc.property(fc.array(move, { minLength: 1, maxLength: 150 }), (moves) => {
        let channel: Channel | undefined;
        for (let index = 0; index < moves.length; index += 1) {
          channel = after(...moves.slice(0, index + 1)) ?? channel;
          if (!channel) continue;
          const { serial, history, current, candidate, previous } = channel;
          assert.equal(history.at(-1)?.serial, serial);
          assert.equal(history.length, Math.min(serial, historyLength));
          if (candidate !== undefined) assert.notEqual(candidate, current);
          if (previous !== undefined) assert.notEqual(previous, current);
          formatChannel(channel);
        }
      }),
      { numRuns: 20 },
    );
  });
});
