import assert from "node:assert/strict";
import { runPythonTool } from "../tools/python.ts";

/**
 * Holds templates against CloudFormation's schemas and cfn-lint's rules. W3005
 * is about what CDK always does: it names a dependency that follows from a
 * reference, too.
 */
export const assertNoLint = (templates: readonly string[]): void => {
  const { output, code } = runPythonTool("cfn-lint", ["-i", "W3005", "--", ...templates]);
  assert.equal(code, 0, output);
};
