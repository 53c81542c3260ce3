import { spawn } from "node:child_process";

/** What became of a command. */
export interface Ended {
  /** Its exit code; undefined when a signal ended it. */
  readonly code: number | undefined;
  /** The end of what it wrote to both its outputs. */
  readonly output: string;
  readonly timedOut: boolean;
}

export interface CommandOptions {
  /** Seconds after which it is ended, with all that it has started. */
  readonly limitSeconds: number;
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly cwd?: string | undefined;
}

/** More than a person reads; less than a loop that never ends can write. */
const keptCharacters = 40_000;

const groups = new Set<number>();

const killGroup = (leader: number): void => {
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // Nothing of it is left.
  }
};

// The commands are no part of this process's group, so an interrupt typed at the terminal
// reaches them only through here.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    for (const leader of groups) killGroup(leader);
    process.kill(process.pid, signal);
  });
}

/**
 * Runs a command in a process group of its own; what it leaves running in that group ends
 * with it.
 *
 * @throws Error if it cannot be started
 */
export const runCommand = async (
  command: string,
  args: readonly string[],
  { limitSeconds, env = process.env, cwd }: CommandOptions,
): Promise<Ended> => {
  const child = spawn(command, args, {
    env,
    cwd,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { pid } = child;
  if (pid !== undefined) groups.add(pid);
  let output = "";
  const keep = (chunk: string) => {
    output = (output + chunk).slice(-keptCharacters);
  };
  child.stdout.setEncoding("utf8").on("data", keep);
  child.stderr.setEncoding("utf8").on("data", keep);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    if (pid !== undefined) killGroup(pid);
  }, limitSeconds * 1000);
  try {
    const code = await new Promise<number | undefined>((resolve, reject) => {
      child.once("error", reject);
      // What it left behind may hold its outputs open, so `close` comes only after that.
      child.once("exit", () => pid !== undefined && killGroup(pid));
      child.once("close", (exitCode) => resolve(exitCode ?? undefined));
    });
    return { code, output, timedOut };
  } finally {
    clearTimeout(timer);
    if (pid !== undefined) groups.delete(pid);
  }
};

/** Runs tasks, some at the same time, and gives their results in order. */
export const runSome = async <Item, Result>(
  items: readonly Item[],
  atOnce: number,
  run: (item: Item) => Promise<Result>,
): Promise<Result[]> => {
  const results: Result[] = [];
  const queue = items.entries();
  const work = async () => {
    for (const [index, item] of queue) results[index] = await run(item);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return results;
};
