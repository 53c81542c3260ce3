import { SourceRefused } from "../../infra/bundle/check-source.ts";
import { exitCodes, type Output } from "../output.ts";

/**
 * Tells what is wrong with a source: for a person on stderr, for a program as one document
 * `{"faults": [{"file", "line", "message"}]}` on stdout, whose `line` is null for a whole file.
 *
 * @returns the exit code
 * @throws what is no fault of a source
 */
export const tellRefused = (error: unknown, isJson: boolean, output: Output): number => {
  if (!(error instanceof SourceRefused)) throw error;
  if (isJson) {
    const faults = error.faults.map(({ file, line = null, message }) => ({ file, line, message }));
    output.out(`${JSON.stringify({ faults })}\n`);
  } else output.error(`drover: ${error.message}\n`);
  return exitCodes.broken;
};
