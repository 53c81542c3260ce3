import { execFile } from "node:child_process";
import { promisify } from "node:util";

const git = async (folder: string, ...args: string[]): Promise<string> => {
  const { stdout } = await promisify(execFile)("git", ["-C", folder, ...args]);
  return stdout.trim();
};

/**
 * The commit of a source, as the history of a channel names it; with `-dirty` when the
 * folder has anything that is not in it. Undefined where there is no git, or no commit.
 */
export const sourceRevision = async (folder: string): Promise<string | undefined> => {
  try {
    const commit = await git(folder, "rev-parse", "--short=12", "HEAD");
    const changes = await git(folder, "status", "--porcelain", "--", ".");
    return changes === "" ? commit : `${commit}-dirty`;
  } catch {
    return undefined;
  }
};
