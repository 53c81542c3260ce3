import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  decodeGoBody,
  GoDecodeError,
  goTime,
  goTimeInSeconds,
  parseGoDuration,
} from "../../../../rehearsal/emulators/hashicorp/go-json.ts";

describe("JSON as Go reads it", () => {
  it("takes fields in any case and null for nothing", () => {
    const body = decodeGoBody('{"drainspec":{"DEADLINE":5,"IgnoreSystemJobs":null},"Meta":null}');
    assert.equal(body.object("DrainSpec")?.integer("Deadline"), 5);
    assert.equal(body.object("DrainSpec")?.boolean("IgnoreSystemJobs"), undefined);
    assert.equal(body.stringMap("Meta"), undefined);
    assert.equal(decodeGoBody("null").string("Name"), undefined);
  });

  it("takes integers that are written as integers alone", () => {
    assert.equal(decodeGoBody('{"n":-600000000000}').integer("n"), -600_000_000_000);
    for (const text of ['{"n":6e2}', '{"n":1.0}', '{"n":"5"}', '{"n":true}', '{"n":[]}']) {
      assert.throws(() => decodeGoBody(text).integer("n"), GoDecodeError, text);
    }
  });

  it("refuses values of other types, and bodies that are none", () => {
    assert.throws(() => decodeGoBody('{"s":1}').string("s"), GoDecodeError);
    assert.throws(() => decodeGoBody('{"b":"yes"}').boolean("b"), GoDecodeError);
    assert.throws(() => decodeGoBody('{"m":{"a":1}}').stringMap("m"), GoDecodeError);
    assert.throws(() => decodeGoBody('{"o":[]}').object("o"), GoDecodeError);
    for (const text of ["", "no", "[]", '"x"', "{"]) {
      assert.throws(() => decodeGoBody(text), GoDecodeError, text);
    }
  });
});

describe("Go's times", () => {
  it("have no more digits than they need", () => {
    assert.equal(goTime(Date.parse("2026-03-01T12:00:10.500Z")), "2026-03-01T12:00:10.5Z");
    assert.equal(goTime(Date.parse("2026-03-01T12:00:00.000Z")), "2026-03-01T12:00:00Z");
    assert.equal(goTimeInSeconds(Date.parse("2026-03-01T12:00:10.999Z")), "2026-03-01T12:00:10Z");
  });

  it("are spans with a unit", () => {
    assert.equal(parseGoDuration("3s"), 3000);
    assert.equal(parseGoDuration("1m30s"), 90_000);
    assert.equal(parseGoDuration("1.5h"), 5_400_000);
    assert.equal(parseGoDuration("250ms"), 250);
    assert.equal(parseGoDuration("-1s"), -1000);
    assert.equal(parseGoDuration("0"), 0);
    for (const text of ["3", "s", "3 s", "3x", ""]) assert.equal(parseGoDuration(text), undefined);
  });
});
