import assert from "node:assert/strict";
import type { Finding } from "../../../lambdas/watch/findings.ts";

/** The one finding of a check. */
export const only = (findings: readonly Finding[], check: Finding["check"]): Finding => {
  const found = findings.filter((one) => one.check === check);
  assert.equal(found.length, 1, `${check}: ${JSON.stringify(found, undefined, 2)}`);
  return found[0] as Finding;
};

/** That there is one finding of a check, as bad as that, about that; it says what to do. */
export const assertFinding = (
  findings: readonly Finding[],
  check: Finding["check"],
  severity: "error" | "warning",
  what: RegExp,
  remedy: RegExp = /./,
): void => {
  const found = only(findings, check);
  assert.equal(found.severity, severity, JSON.stringify(found));
  assert.match(found.what, what);
  assert.match(found.remedy ?? "", remedy);
};

/** That nothing else is wrong. */
export const assertOthersFine = (
  findings: readonly Finding[],
  ...except: Finding["check"][]
): void => {
  const wrong = findings.filter(
    ({ check, severity }) => severity !== "ok" && !except.includes(check),
  );
  assert.deepEqual(wrong, []);
};
