import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CannotFinish } from "./output.ts";

const full = /^(ENOSPC|EDQUOT)$/;

/**
 * Does some work with a folder for temporary files, which is gone afterwards.
 *
 * @throws CannotFinish if it cannot be made, or if there is no room in it
 */
export const withScratchFolder = async <Result>(
  work: (folder: string) => Promise<Result>,
): Promise<Result> => {
  const parent = tmpdir();
  const explain = (error: unknown): CannotFinish => {
    const message = error instanceof Error ? error.message : String(error);
    return new CannotFinish(
      `temporary files cannot be kept in ${parent} (${message}): make room there, or set TMPDIR to another folder`,
    );
  };
  const folder = await mkdtemp(join(parent, "drover-")).catch((error: unknown) => {
    throw explain(error);
  });
  try {
    return await work(folder);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    throw full.test(code) ? explain(error) : error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
