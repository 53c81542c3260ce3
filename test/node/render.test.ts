import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import {
  findPlaceholders,
  NotRendered,
  renderPlaceholders,
} from "../../infra/bundle/rules/placeholders.ts";
import { makeMachine } from "./world/machine.ts";

const values: Readonly<Record<string, string>> = {
  pool: "workers",
  bundle: "0123abcd",
  "tag.Name": "a machine: +-=.,_:@/ & \\1 {{drover.pool}} $(touch /tmp/evaluated) `x` %s ü",
  "tag.aws:autoscaling:groupName": "group-1",
  "secret.gossip": "/run/drover/secrets/gossip",
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
    arbitrary: fc.constantFrom("{{drover.", "{{drover.tag.Nothing}}", "{{!drover.", "{{!!drover."),
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
const text = fc
  .array(piece, { maxLength: 12 })
  .map((pieces) => pieces.join(""))
  .filter((drawn) => drawn.isWellFormed());

const edges = [
  "",
  "\n",
  ".",
  "{{{drover.pool}}}",
  "{{!!drover.pool}}{{!drover.x y}}{{!drover.",
  "{{drover.pool}}",
  "{{drover.pool}}\n",
  "\n\n{{drover.pool}}",
  "{{drover.pool",
  "{{!{{drover.pool}}",
  "{{drover.{{drover.pool}}}}",
  "{{drover.tag.Nothing}}",
  `${"{{ .x }}".repeat(5_000)}{{drover.pool}}`,
];

/** What a text becomes by the reference; undefined when it is refused. */
const render = (drawn: string): string | undefined => {
  try {
    return renderPlaceholders(drawn, (name) => values[name]);
  } catch (error) {
    if (error instanceof NotRendered) return undefined;
    throw error;
  }
};

describe("placeholders", () => {
  it("are on a machine what the reference says, in any text, and nothing is evaluated", async (context) => {
    const machine = await makeMachine(context);
    const facts = Object.entries(values).map(([name, value]) => `${name}=${value}\n`);
    machine.write("/facts", facts.join(""));
    machine.write(
      "/render-each.sh",
      readFileSync(join(import.meta.dirname, "world", "render-each.sh")),
      0o755,
    );
    const drawn = [...edges, ...fc.sample(text, 2_500)].map((before) => ({
      before,
      expected: render(before),
    }));
    const folders = ["good", "bad"].map((name) => join(machine.root, name));
    for (const folder of folders) mkdirSync(folder);
    const place = ({ expected }: (typeof drawn)[number], index: number): string =>
      join(machine.root, expected === undefined ? "bad" : "good", String(index));
    drawn.forEach((each, index) => writeFileSync(place(each, index), each.before));

    const done = await machine.run("/render-each.sh");

    assert.deepEqual([done.code, done.stdout], [0, ""], done.stderr);
    drawn.forEach((each, index) => {
      const { before, expected } = each;
      if (expected !== undefined)
        assert.equal(readFileSync(place(each, index), "utf8"), expected, JSON.stringify(before));
      // What a machine refuses has something that is looked at before it is published.
      else assert.ok(findPlaceholders(before, new Set()).any, JSON.stringify(before));
    });
    const changed = drawn.filter(({ before, expected }) => expected && expected !== before).length;
    const refused = drawn.filter(({ expected }) => expected === undefined).length;
    assert.ok(changed > 200 && refused > 50, `${changed} were changed, ${refused} refused`);
    assert.equal(await machine.exists("/tmp/evaluated"), false);
  });
});
