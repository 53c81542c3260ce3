import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import {
  findPlaceholders,
  NotRendered,
  renderPlaceholders,
} from "../../../infra/bundle/rules/placeholders.ts";

const values = (name: string): string | undefined => (name === "gone" ? undefined : `<${name}>`);

describe("placeholders", () => {
  for (const [text, expected] of [
    ["{{drover.pool}}", "<pool>"],
    ["{{{drover.pool}}}", "{<pool>}"],
    ["{{drover.pool}}{{drover.region}}", "<pool><region>"],
    ["{{!drover.pool}}", "{{drover.pool}}"],
    ["{{!!drover.pool}}", "{{!drover.pool}}"],
    ["{{!drover.pool", "{{drover.pool"],
    ["{{!drover}}", "{{!drover}}"],
    ['{{ key "drover/pool" }} {{ .x }}', '{{ key "drover/pool" }} {{ .x }}'],
    ["{{drovers.pool}}", "{{drovers.pool}}"],
  ] as const) {
    it(`render ${text} as ${expected}`, () => {
      assert.equal(renderPlaceholders(text, values), expected);
    });
  }

  it("are not looked for in what a value contains", () => {
    assert.equal(
      renderPlaceholders("{{drover.tag.a}}", () => "{{drover.pool}} $& $1"),
      "{{drover.pool}} $& $1",
    );
  });

  it("without a value are an error that names them", () => {
    assert.throws(() => renderPlaceholders("{{drover.gone}}", values), NotRendered);
    assert.throws(() => renderPlaceholders("{{drover.gone}}", values), /\{\{drover\.gone\}\}/);
  });

  for (const text of [
    "{{drover.pool",
    "{{drover.}}",
    "{{drover.a b}}",
    "{{drover.{{drover.pool}}}}",
  ]) {
    it(`that are none are an error: ${text}`, () => {
      assert.throws(() => renderPlaceholders(text, values), NotRendered);
      assert.equal(findPlaceholders(text, new Set()).faults.length > 0, true);
    });
  }

  it("that are escaped are published, whatever follows", () => {
    for (const text of ["{{!drover.", "{{!drover.no such}}", "{{!!drover.pool", "{{!drover.{{x}}"])
      assert.deepEqual(findPlaceholders(text, new Set()), { any: true, faults: [] });
  });

  it("leave every text alone that has none, and escaping is undone by rendering", () => {
    const piece = fc.constantFrom(
      "{{",
      "}}",
      "{",
      "!",
      "drover",
      "drover.",
      "pool",
      " ",
      "\n",
      "x",
    );
    const text = fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(text, (drawn) => {
        const { any } = findPlaceholders(drawn, new Set());
        if (!any) assert.equal(renderPlaceholders(drawn, values), drawn);
        const escaped = drawn.replaceAll(/\{\{(?=!*drover\.)/g, "{{!");
        assert.equal(renderPlaceholders(escaped, values), drawn);
      }),
      { numRuns: 2000 },
    );
  });
});
