import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { hasCode } from "./errno.ts";

/** An agent with everything that it has started. */
export interface AgentProcess {
  readonly running: boolean;

  /** Ends all its processes at once, as a power cut does; resolves when none is left. */
  kill(): Promise<void>;

  /** Asks the agent to stop and ends what it leaves behind; resolves when nothing is left. */
  terminate(): Promise<void>;

  /** Holds the agent still, as if nothing reached it any more; what it has started goes on. */
  freeze(): Promise<void>;

  /** Lets a frozen agent go on. */
  thaw(): Promise<void>;
}

/** The environment variable by which the keeper knows a cluster's processes. */
export const clusterVariable = "DROVER_LIVE_CLUSTER";

/** How long an agent may take to stop when asked (Nomad's server takes 0.1 s). */
const graceMs = 10_000;

const isRoot = process.getuid?.() === 0;

/**
 * A PID namespace for each agent: when its first process dies the kernel ends all others, among them
 * Nomad's executors and tasks, which would outlive their agent by design. A mount namespace: the
 * tmpfs that Nomad mounts for secrets (as root) goes with it. `setpriv` and `--kill-child` carry the
 * death of this very process on, whatever it dies of.
 *
 * Without root this needs user namespaces that anyone may create; Nomad then runs without the mounts.
 */
const containment = [
  "--pdeathsig KILL -- unshare",
  ...(isRoot ? [] : ["--user --map-current-user"]),
  "--pid --mount --mount-proc --fork --kill-child=KILL --",
].flatMap((words) => words.split(" "));

/**
 * Nomad keeps groups of its own in the control group file systems of the host, which outlive it. It
 * does without when it sees none; without root it cannot make any.
 */
const hideControlGroups = 'umount -R -l /sys/fs/cgroup && exec "$@"';
const launcher = isRoot ? ["sh", "-c", hideControlGroups, "sh"] : [];

/** The first process of the namespace: the child of the `unshare` that this process started. */
const findFirstProcess = async (child: ChildProcess): Promise<number | undefined> => {
  try {
    const children = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, "utf8");
    const pid = Number.parseInt(children, 10);
    return Number.isNaN(pid) ? undefined : pid;
  } catch {
    return undefined;
  }
};

const send = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!hasCode(error, "ESRCH")) throw error;
  }
};

/**
 * Starts an agent.
 *
 * @param options.log - the file that takes what it writes
 * @param options.cluster - the folder of the cluster, its mark on the process
 * @throws Error if the namespaces' tools are missing
 */
export const startAgentProcess = async (options: {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly log: string;
  readonly cluster: string;
}): Promise<AgentProcess> => {
  const log = openSync(options.log, "a");
  const child = spawn("setpriv", [...containment, ...launcher, options.command, ...options.args], {
    // A session of its own: an interrupt typed at the terminal is for this process to handle.
    detached: true,
    stdio: ["ignore", log, log],
    env: {
      PATH: process.env["PATH"],
      [clusterVariable]: options.cluster,
      ...options.environment,
    },
  });
  closeSync(log);
  try {
    await once(child, "spawn");
  } catch (error) {
    throw new Error("live agents need setpriv and unshare (util-linux)", { cause: error });
  }
  // `unshare` ends after the first process, and that only after all others of the namespace.
  const exited = once(child, "exit");
  child.unref();
  const isRunning = () => child.exitCode === null && child.signalCode === null;

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (!isRunning()) return;
    child.ref();
    const first = await findFirstProcess(child);
    // Without a first process `unshare` has not come that far, and can be ended itself.
    if (first === undefined) child.kill("SIGKILL");
    else send(first, signal);
  };
  const signalAgent = async (signal: NodeJS.Signals): Promise<void> => {
    const first = isRunning() ? await findFirstProcess(child) : undefined;
    if (first === undefined) throw new Error(`the agent is not running: no ${signal} for it`);
    send(first, signal);
  };
  const kill = async () => {
    await end("SIGKILL");
    if (isRunning()) await exited;
  };
  return {
    get running() {
      return isRunning();
    },
    kill,
    terminate: async () => {
      await end("SIGTERM");
      const timer = setTimeout(() => void kill(), graceMs);
      if (isRunning()) await exited;
      clearTimeout(timer);
    },
    freeze: () => signalAgent("SIGSTOP"),
    thaw: () => signalAgent("SIGCONT"),
  };
};
