import { execFile } from "node:child_process";
import { promisify } from "node:util";

const git = async (folder: string, ...args: string[]): Promise<string> => {
  const { stdout } = await promisify(execFile)("git", ["-C", folder, ...args]);
  return stdout.trim();
};

/**
 * The last commit that changed a source, as the history of a channel names it; with `-dirty` when
 * the folder has anything that is not in it. In a shallow clone it is the oldest commit there.
 *
 * @returns undefined where there is no git, or no commit with the folder
 */
export const sourceRevision = async (folder: string): Promise<string | undefined> => {
  try {
    const commit = await git(folder, "log", "-1", "--format=%H", "--", ".");
    if (commit === "") return undefined;
    const changes = await git(folder, "status", "--porcelain", "--", ".");
    return commit.slice(0, 12) + (changes === "" ? "" : "-dirty");
  } catch {
    return undefined;
  }
};
