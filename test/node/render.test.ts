import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { makeMachine } from "./world/machine.ts";

const values: Readonly<Record<string, string>> = {
  pool: "workers",
  bundle: "0123abcd",
  "tag.Name": "a machine: +-=.,_:@/ & \\1 {{drover.pool}} $(touch /tmp/evaluated) `x` %s ü",
  "tag.aws:autoscaling:groupName": "group-1",
  "secret.gossip": "/run/drover/secrets/gossip",
};

/** What a text becomes; undefined when it is refused. */
const render = (text: string): string | undefined => {
  let refused = false;
  const rendered = text.replaceAll(
    /\{\{(!*)drover\.([A-Za-z0-9+=.,_:@-]+(?=\}\}))?(\}\})?/g,
    (whole, marks: string, name: string | undefined) => {
      if (marks !== "") return whole.replace("!", "");
      const value = name === undefined ? undefined : values[name];
      refused ||= value === undefined;
      return value ?? "";
    },
  );
  return refused ? undefined : rendered;
};

const piece = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom("{{", "}}", "{", "}", "!", "drover.", "\n", "\r\n", " "),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(...Object.keys(values)).map((name) => `{{drover.${name}}}`),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...Object.keys(values), "tag.Nothing", "{{ .Env }}"),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom("{{drover.", "{{drover.tag.Nothing}}", "{{!drover."),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom("$(touch /tmp/evaluated)", "`id`", "\\", "&", "%d", "'"),
  },
  {
    weight: 2,
    arbitrary: fc.string({ unit: "binary" }).map((text) => text.replaceAll("\0", "")),
  },
);
const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));

describe("placeholders", () => {
  it("are replaced once, in any text, and nothing is evaluated", async (context) => {
    const machine = await makeMachine(context);
    const facts = Object.entries(values).map(([name, value]) => `${name}=${value}\n`);
    machine.write("/tmp/facts", facts.join(""));
    const seen = { rendered: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(text, async (before) => {
        const { code, stdout } = await machine.run(
          "{ cat; printf .; } | awk -v facts=/tmp/facts -f /usr/lib/drover/lib/render.awk",
          { stdin: before },
        );
        const expected = render(Buffer.from(before).toString());
        if (expected === undefined) {
          seen.refused += 1;
          assert.equal(code, 1);
        } else {
          seen.rendered += 1;
          assert.deepEqual([code, stdout], [0, expected]);
        }
      }),
      {
        numRuns: 600,
        examples: [
          ["{{{drover.pool}}}"],
          ["{{!!drover.pool}}{{!drover.x y}}{{!drover."],
          ["{{drover.pool}}"],
          ["{{drover.pool}}\n"],
          ["\n\n{{drover.pool}}"],
          [""],
          ["{{drover.pool"],
          ["{{!{{drover.pool}}"],
          ["{{drover.{{drover.pool}}}}"],
        ],
      },
    );
    assert.ok(seen.rendered > 50 && seen.refused > 20, JSON.stringify(seen));
    assert.equal(await machine.exists("/tmp/evaluated"), false);
  });
});
