import { spawnSync } from "node:child_process";
import { extname, join } from "node:path";
import type { PackedSource } from "./pack-source.ts";

/** As it is in a clone, or in the installed package. */
const program = join(import.meta.dirname, `pack-source${extname(import.meta.filename)}`);

/**
 * Checks and packs a source in a process of its own: constructs are made without waiting for
 * anything, and a parser that it takes cannot be loaded so.
 *
 * @param file - the archive; is made, or replaced
 * @throws Error when it could not be done at all
 */
export const packSynchronously = (source: string, pool: string, file: string): PackedSource => {
  const { status, stdout, stderr, error } = spawnSync(
    process.execPath,
    [program, source, pool, file],
    { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] },
  );
  if (status === 0) return JSON.parse(stdout) as PackedSource;
  throw new Error(`${source} could not be packed: ${error?.message ?? stderr.trim()}`);
};
