import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseOrder } from "../../../../lambdas/config/rules/parse-order.ts";
import { InputRefused } from "../../../../lambdas/runtime/errors.ts";

const bundle = "0123456789abcdef".repeat(4);

describe("the input of publish-bundle", () => {
  const right: readonly unknown[] = [
    { pool: "workers" },
    { action: "show", pool: "workers" },
    { action: "publish", pool: "workers", bundle },
    { action: "promote", pool: "workers" },
    { action: "promote", pool: "workers", bundle, by: "ada (change 17)" },
    { action: "rollback", pool: "workers" },
    { action: "withdraw", pool: "workers", by: "ada" },
    { action: "prune" },
  ];
  for (const input of right) {
    it(`is understood: ${JSON.stringify(input)}`, () => {
      assert.deepEqual(parseOrder(input), { action: "show", ...(input as object) });
    });
  }

  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [{}, /pool: show needs one/],
    [null, /has to be an object/],
    ["workers", /has to be an object/],
    [{ action: "publish" }, /pool: publish needs one; bundle: publish needs one/],
    [{ action: "prune", pool: "workers" }, /pool: prune looks at all pools/],
    [{ action: "withdraw", pool: "workers", bundle }, /bundle: withdraw takes none/],
    [{ action: "show", pool: "workers", by: "ada" }, /by: show moves nothing/],
    [{ action: "apply", pool: "workers" }, /action: has to be one of show, publish/],
    [{ pool: "../others" }, /pool: has to be at most 63 letters/],
    [{ action: "promote", pool: "workers", bundle: "latest" }, /bundle: has to be the digest/],
    [{ action: "promote", pool: "workers", by: "a\nb" }, /by: has to be one line/],
    [{ pool: "workers", force: true, key: "x" }, /force: there is no such field.*key: there is no/],
  ];
  for (const [input, said] of wrong) {
    it(`is refused, with right ones: ${JSON.stringify(input)}`, () => {
      assert.throws(
        () => parseOrder(input),
        (error) =>
          error instanceof InputRefused &&
          said.test(error.message) &&
          error.message.includes('{"action": "promote", "pool": "workers"}'),
      );
    });
  }
});
