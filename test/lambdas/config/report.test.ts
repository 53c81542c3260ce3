import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FormatError } from "../../../lambdas/config/lines.ts";
import { parseReport, reportStates } from "../../../lambdas/config/report.ts";

const digest = "0123456789abcdef".repeat(4);

/** A report with some of its lines replaced, by their first word. */
const reportWith = (lines: Readonly<Record<string, string>> = {}, services = ""): string =>
  Object.entries({
    "drover-report": "1",
    pool: "workers",
    time: "2026-11-25T10:00:00Z",
    state: "ready",
    bundle: digest,
    serial: "42",
    seconds: "12",
    step: "looking after services",
    reason: "-",
    ...lines,
  })
    .map(([word, rest]) => `${word} ${rest}\n`)
    .join("") + services;

describe("the report of a machine", () => {
  it("says what it runs, how that came, and how its services are", () => {
    assert.deepEqual(
      parseReport(reportWith({}, "service consul healthy\nservice nomad no answer within 5 s\n")),
      {
        pool: "workers",
        time: "2026-11-25T10:00:00Z",
        state: "ready",
        bundle: digest,
        serial: 42,
        seconds: 12,
        step: "looking after services",
        services: [
          { name: "consul", health: "healthy" },
          { name: "nomad", health: "no answer within 5 s" },
        ],
      },
    );
  });

  it("has neither bundle nor serial when the machine came to none, and a reason", () => {
    const { bundle, serial, reason } = parseReport(
      reportWith({ state: "failed", bundle: "-", serial: "-", reason: "gave up: no channel" }),
    );
    assert.deepEqual([bundle, serial, reason], [undefined, undefined, "gave up: no channel"]);
  });

  for (const state of reportStates)
    it(`may be ${state}`, () => assert.equal(parseReport(reportWith({ state })).state, state));

  const refused: readonly (readonly [string, string, RegExp])[] = [
    ["nothing", "", /has to end with a newline/],
    ["another format", "drover-channel 1\n", /line 1: .* has to be "drover-report 1"/],
    ["a cut text", reportWith().slice(0, 60), /has to end with a newline/],
    ["fewer lines", "drover-report 1\npool workers\n", /line 3: it has to begin with "time "/],
    ["another state", reportWith({ state: "well" }), /line 4: well is none of ready, kept/],
    ["no digest", reportWith({ bundle: "abc" }), /line 5: "abc" is no SHA-256/],
    ["no serial", reportWith({ serial: "-1" }), /line 6: "-1" is no whole number/],
    ["no time", reportWith({ time: "yesterday" }), /line 3: "yesterday" is no time in UTC/],
    ["no such day", reportWith({ time: "2026-13-41T10:00:00Z" }), /line 3: .* is no time in UTC/],
    ["an escape sequence", reportWith({ reason: "\u001b[2J" }), /line 9: .* control characters/],
    ["a word that is none", reportWith({}, "sevrice consul healthy\n"), /line 10: sevrice is no/],
    ["a service without its health", reportWith({}, "service consul\n"), /line 10: service is no/],
  ];
  for (const [name, text, said] of refused)
    it(`is refused: ${name}`, () =>
      assert.throws(
        () => parseReport(text),
        (error) => error instanceof FormatError && said.test(error.message),
      ));
});
