import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { makeMachine } from "./world/machine.ts";

const noise = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 });
const value = fc.string({ unit: "binary" }).filter((text) => !text.includes("\0"));

/** The same JSON with everything written as `\uXXXX` that may be. */
const escapeAll = (json: string): string =>
  json.replaceAll(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

describe("strings in JSON", () => {
  it("are what any other reader takes them for", async (context) => {
    const machine = await makeMachine(context);
    const read = (name: string, json: string) =>
      machine.run(`awk -v wanted=${name} -f /usr/lib/drover/lib/json.awk`, { stdin: json });
    await fc.assert(
      fc.asyncProperty(
        noise,
        noise,
        value,
        fc.boolean(),
        fc.constantFrom(0, 2),
        async (before, after, secret, ascii, indent) => {
          const object = { ...before, Parameter: { Name: "x", Value: secret }, ...after };
          delete (after as Record<string, unknown>)["Parameter"];
          const json = JSON.stringify({ ...object, ...after }, undefined, indent);
          const { code, stdout } = await read("Parameter.Value", ascii ? escapeAll(json) : json);
          // A half of a pair is no text; it comes out as bytes that are none.
          if (!secret.isWellFormed()) return;
          assert.deepEqual([code, stdout], [0, secret]);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("that are not there, or hold a NUL, are none", async (context) => {
    const machine = await makeMachine(context);
    for (const json of [
      '{"Other": "x"}',
      '{"x": {"SecretString": "inner"}}',
      '{"SecretString": 3}',
      '{"SecretString": "a\\u0000b"}',
      '{"SecretString": "cut',
      '["SecretString", "x"]',
      "",
    ]) {
      const done = await machine.run("awk -v wanted=SecretString -f /usr/lib/drover/lib/json.awk", {
        stdin: json,
      });
      assert.deepEqual([done.code, done.stdout], [1, ""], json);
    }
  });
});
