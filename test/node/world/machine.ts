import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { cp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { waitFor } from "../../../rehearsal/agents/polling.ts";

const repository = join(import.meta.dirname, "..", "..", "..");
const alpine = join(repository, ".cache", "alpine");

/** What process 1 does when it is Alpine's own: it brings up OpenRC's runlevels. */
const inittab = `::sysinit:/sbin/openrc sysinit
::sysinit:/sbin/openrc boot
::wait:/sbin/openrc default
`;

/** What a command on a machine came to. */
export interface Done {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string | Buffer;
  /** Seconds after which the command is ended, and its test has failed. */
  readonly limitSeconds?: number;
}

/** A machine with Alpine's own userland; the network is this machine's loopback interface. */
export interface Machine {
  /** Where its disk is while it is off. */
  readonly folder: string;
  /** Where its disk begins, as seen from here, while it is on. */
  readonly root: string;
  readonly run: (command: string, options?: RunOptions) => Promise<Done>;
  /** The words of a command here that runs one there. */
  readonly enter: (command: string) => readonly string[];
  /** Writes a file, making its folders. */
  readonly write: (path: string, content: string | Buffer, mode?: number) => void;
  /** What a process on the machine reads there: links lead where they lead for it. */
  readonly read: (path: string) => Promise<string>;
  readonly exists: (path: string) => Promise<boolean>;
  /** What was written to its console since it is on. */
  readonly console: () => string;
  /** Ends all its processes at once; what is on its disk stays, its memory does not. */
  readonly cutPower: () => Promise<void>;
  readonly turnOn: () => Promise<void>;
}

/** Processes by which a machine is on: `unshare`, and process 1 of the machine. */
interface Power {
  readonly holder: ChildProcess;
  readonly pid: number;
}

/** Bytes that the machines of all tests need at once, with room to spare. */
const roomy = 2 ** 30;

// Memory: each machine writes and syncs much, and a disk would make the tests slow.
const hasMemory = (): boolean => {
  if (!existsSync("/dev/shm")) return false;
  const { bavail, bsize } = statfsSync("/dev/shm");
  return bavail * bsize > roomy;
};
const fast = hasMemory() ? "/dev/shm" : tmpdir();

/** @param init - process 1, by default one that only waits */
const turnOn = async (
  folder: string,
  init: readonly string[] = ["/bin/sh", "-c", "exec sleep 100000"],
): Promise<Power> => {
  const holder = spawn(
    "setpriv",
    [
      ..."--pdeathsig KILL -- unshare --mount --pid --uts --fork --kill-child=KILL --".split(" "),
      join(import.meta.dirname, "start-machine.sh"),
      folder,
      alpine,
      ...init,
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let said = "";
  holder.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  const pid = await waitFor("the machine to be on", () => {
    if (holder.exitCode !== null) throw new Error(`the machine did not start: ${said}`);
    const children = readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, "utf8");
    const first = Number.parseInt(children, 10);
    // Until it has changed its root, this would be the root of the tests themselves.
    return existsSync(`/proc/${first}/root/etc/alpine-release`) ? first : false;
  });
  return { holder, pid };
};

const enter = (pid: number, command: string): readonly string[] => [
  ...`nsenter --target ${pid} --mount --pid --uts --root --wd`.split(" "),
  ..."-- /usr/bin/env -i HOME=/root".split(" "),
  "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
  "/bin/sh",
  "-c",
  command,
];

const run = (pid: number, command: string, options: RunOptions): Promise<Done> => {
  const { stdin = "", limitSeconds = 120 } = options;
  const [tool = "", ...words] = enter(pid, command);
  const child = spawn(tool, words, { stdio: ["pipe", "pipe", "pipe"] });
  const limit = setTimeout(() => {
    child.kill("SIGKILL");
    // What it has started may hold them for ever.
    child.stdout.destroy();
    child.stderr.destroy();
  }, limitSeconds * 1000);
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (text: string) => (texts[name] += text));
  // A command may end without having read all of it.
  child.stdin.on("error", () => {}).end(stdin);
  return new Promise((resolve, reject) => {
    child.once("error", reject).once("close", (code, signal) => {
      clearTimeout(limit);
      if (code !== null) return resolve({ code, ...texts });
      reject(new Error(`${command} was ended by ${signal}:\n${texts.stdout}${texts.stderr}`));
    });
  });
};

/** Bytes of the image of a disk: room for what `drover-pull` wants to have free, and little more. */
const imageSize = "14m";

/** Lays a disk out as the image of a machine has it. */
const furnish = async (folder: string): Promise<void> => {
  const files = join(folder, "disk", "files");
  await cp(join(repository, "node"), join(files, "usr/lib/drover"), { recursive: true });
  mkdirSync(join(files, "usr/local/bin"), { recursive: true });
  symlinkSync("/usr/lib/drover/drover-pull", join(files, "usr/local/bin/drover-pull"));
  mkdirSync(join(files, "etc"));
  writeFileSync(join(files, "etc/inittab"), inittab);
};

/** Moves the disk into an image with a file system, which shows what is written to it and when. */
const imageDisk = (folder: string): void => {
  const [disk, image] = [join(folder, "disk"), join(folder, "image")];
  execFileSync("mke2fs", ["-q", "-t", "ext4", "-b", "1024", "-d", disk, image, imageSize]);
  rmSync(disk, { recursive: true });
};

export interface MachineOptions {
  /** Process 1, by default one that only waits. */
  readonly init?: readonly string[] | undefined;
  /** `image` for a disk of its own, or the bytes of one. */
  readonly disk?: "image" | Buffer | undefined;
}

/** Makes a machine with the scripts of `node/` on it and turns it on; it goes with the test. */
export const makeMachine = async (
  context: { after: (done: () => Promise<void>) => void },
  { init, disk }: MachineOptions = {},
): Promise<Machine> => {
  const folder = mkdtempSync(join(fast, "drover-machine-"));
  if (Buffer.isBuffer(disk)) writeFileSync(join(folder, "image"), disk);
  else await furnish(folder);
  if (disk === "image") imageDisk(folder);
  let power: Power | undefined = await turnOn(folder, init);
  const needPower = (): Power => {
    if (!power) throw new Error("the machine is off");
    return power;
  };
  const root = () => `/proc/${needPower().pid}/root`;
  const cutPower = async () => {
    if (!power) return;
    const { holder, pid } = power;
    power = undefined;
    const gone = once(holder, "exit");
    process.kill(pid, "SIGKILL");
    await gone;
  };
  context.after(async () => {
    await cutPower();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    folder,
    get root() {
      return root();
    },
    run: (command, options = {}) => run(needPower().pid, command, options),
    enter: (command) => enter(needPower().pid, command),
    write: (path, content, mode = 0o644) => {
      mkdirSync(dirname(root() + path), { recursive: true });
      writeFileSync(root() + path, content, { mode });
    },
    read: async (path) => {
      const { code, stdout, stderr } = await run(needPower().pid, `cat '${path}'`, {});
      if (code !== 0) throw new Error(stderr);
      return stdout;
    },
    exists: async (path) => (await run(needPower().pid, `[ -e '${path}' ]`, {})).code === 0,
    console: () => readFileSync(`${root()}/dev/console`, "utf8"),
    cutPower,
    turnOn: async () => {
      power = await turnOn(folder, init);
    },
  };
};
