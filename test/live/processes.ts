import { readdir, readFile } from "node:fs/promises";

const readQuietly = async (path: string): Promise<string> => {
  try {
    return await readFile(path, "utf8");
  } catch {
    return "";
  }
};

/** Command lines of the processes whose environment or arguments name this folder. */
export const findProcessesOf = async (folder: string): Promise<string[]> => {
  const found: string[] = [];
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    // Both are empty for a process that has ended and was not yet collected.
    const environment = await readQuietly(`/proc/${entry}/environ`);
    const command = await readQuietly(`/proc/${entry}/cmdline`);
    if (`${environment}\0${command}`.includes(folder)) found.push(command.replaceAll("\0", " "));
  }
  return found;
};

/** The mounts of this machine below a folder. */
export const findMountsBelow = async (folder: string): Promise<string[]> =>
  (await readFile("/proc/self/mountinfo", "utf8"))
    .split("\n")
    .filter((line) => line.includes(folder));
