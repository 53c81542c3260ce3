import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { parseReport } from "../../lambdas/config/report.ts";
import { makeMachine } from "./world/machine.ts";

/** The head of a report, as a machine writes it with this step, and the reason on its standard input. */
const writeHead = (step: string): string => `
lib=/usr/lib/drover work=$(mktemp -d) state=/nowhere pool=workers seconds=10 began=3
. "$lib/lib/report.sh"
pointed() { :; }
aws_date() { date -u "$@"; }
printf '%s' '${step}' >"$work/step"
begin_report failed "$(cat)"
rm -r "$work"
`;

describe("the report of a machine", () => {
  it("can be read, whatever was the reason and whatever was being done", async (context) => {
    const machine = await makeMachine(context);
    const letter = fc.constantFrom("a", "é", "…", " ", "\\", "\n", "\t", "\r", "\u001b", "\u007f");
    const text = fc.string({ unit: letter });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("", "looking after services"),
        text,
        async (step, reason) => {
          const { code, stdout } = await machine.run(writeHead(step), { stdin: reason });
          assert.equal(code, 0);
          const report = parseReport(stdout);
          assert.equal(report.state, "failed");
          assert.equal(report.seconds, 7);
          assert.equal(report.step, step === "" ? "-" : step);
          const letters = (given: string) => given.replace(/[^aé…]/gu, "");
          // A dash stands for no reason.
          assert.equal(letters(report.reason ?? ""), letters(reason));
        },
      ),
      { numRuns: 100 },
    );
  });
});
