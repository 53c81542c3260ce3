import { execFileSync } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..", "..");

/** Installs the Python tools of the tests, unless that was done before. */
const install = () => {
  execFileSync("sh", [join(import.meta.dirname, "python.sh")], {
    stdio: ["ignore", "inherit", "inherit"],
  });
};

/**
 * Runs one of the Python tools.
 *
 * @returns what it printed, also when it failed, and its exit code
 */
export const runPythonTool = (
  name: string,
  args: readonly string[],
): { readonly output: string; readonly code: number } => {
  install();
  try {
    const output = execFileSync(join(root, ".cache", "python", "bin", name), args, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    return { output, code: 0 };
  } catch (error) {
    if (!(error instanceof Error) || !("stdout" in error) || !("status" in error)) throw error;
    return { output: String(error.stdout), code: Number(error.status) };
  }
};
