import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import type { Machine } from "./machine.ts";

/** What is on the disk of a machine whose power is cut right after a call of the system. */
export interface Cut {
  /** The call's name, such as `rename`. */
  readonly call: string;
  /** As strace tells it. */
  readonly line: string;
  /** The image of the disk, packed by gzip; that of the call before where it has not changed. */
  readonly disk: Buffer;
}

export interface Cuts {
  /** In their order. */
  readonly cuts: readonly Cut[];
  readonly code: number | null;
  readonly said: string;
}

/** Calls that change what a disk has, or have it written. */
const calls = [
  ..."write writev pwrite64 pwritev".split(" "),
  ..."truncate ftruncate fallocate rename renameat renameat2 link linkat symlink".split(" "),
  ..."symlinkat unlink unlinkat rmdir mkdir mkdirat mknod mknodat chmod fchmod".split(" "),
  ..."fchmodat chown lchown fchown fchownat utimensat".split(" "),
  ..."fsync fdatasync sync syncfs sync_file_range".split(" "),
];

/** Calls that a signal would have begin again for ever. Who finds them missing reads and writes. */
const interruptible = ["sendfile", "copy_file_range", "splice"];

export const isSync = ({ call }: Pick<Cut, "call">): boolean => call.includes("sync");
export const isRename = ({ call }: Pick<Cut, "call">): boolean => call.startsWith("rename");

const isWrite = (call: string): boolean => /^p?write/.test(call);

const pageBytes = 4096;

// The kernel's flags to wait for what is on its way, to write, and to wait for that. Nothing of the
// file but these bytes is written.
const writeBack = `
import ctypes, sys
with open(sys.argv[1], "rb") as file:
    bytes = ctypes.c_int64(int(sys.argv[2]))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.sync_file_range(file.fileno(), ctypes.c_int64(0), bytes, 1 | 2 | 4):
        sys.exit(f"sync_file_range: {ctypes.get_errno()}")
`;

/** Follows which files of the disk have content that was not synced. */
const followUnsynced = () => {
  let paths: readonly string[] = [];
  return {
    paths: () => paths,
    note: (call: string, line: string, place: string | undefined): void => {
      if (call === "sync" || call === "syncfs") paths = [];
      else if (isSync({ call })) paths = paths.filter((path) => path !== place);
      else if (isRename({ call })) {
        const [from = "", to = ""] = [...line.matchAll(/"([^"]*)"/g)].map(([, name]) => name);
        const isMoved = (path: string) => path === from || path.startsWith(`${from}/`);
        paths = paths.map((path) => (isMoved(path) ? to + path.slice(from.length) : path));
      } else if (place !== undefined && isWrite(call)) paths = [...new Set([...paths, place])];
    },
  };
};

/**
 * Lets the kernel write what it likes: the first half of one file whose content was not synced, and
 * then all names. Of the content of the others nothing is written, so that they are empty.
 */
const tear = (root: string, unsynced: readonly string[], turn: number): void => {
  const present = unsynced
    // The overlay has no pages of its own, and would write none.
    .map((path) => `${root}/disk/files${path}`)
    .filter((path) => existsSync(path));
  const path = present[turn % present.length];
  if (path !== undefined) {
    const half = Math.floor(statSync(path).size / 2 / pageBytes) * pageBytes;
    // No bytes would mean all of them.
    if (half > 0) execFileSync("python3", ["-c", writeBack, path, String(half)]);
  }
  const file = openSync(join(root, "committed"), "w");
  fsyncSync(file);
  closeSync(file);
};

/** Reads strace's lines; `stopped` is what a process did last before it was stopped. */
const readStops = async (
  trace: Readable,
  stopped: (call: string, line: string) => void,
): Promise<void> => {
  const last = new Map<string, string>();
  for await (const entry of createInterface({ input: trace })) {
    const [, pid = "", line = ""] = /^(\d+) +(.*)$/.exec(entry) ?? [];
    if (line.startsWith("--- stopped by SIGSTOP")) {
      const done = last.get(pid) ?? "";
      const call = /^\w+(?=\()/.exec(done)?.[0];
      try {
        if (call !== undefined && / = \d/.test(done)) stopped(call, done);
      } finally {
        process.kill(Number(pid), "SIGCONT");
      }
    } else if (line.startsWith("<... ")) {
      const rest = line.replace(/^<\.\.\. \w+ resumed>/, "");
      last.set(pid, (last.get(pid) ?? "").replace(/ *<unfinished \.\.\.>$/, "") + rest);
    } else if (!line.startsWith("---")) last.set(pid, line);
  }
};

/** Where on the disk a call changes something; undefined where it is not on the disk. */
const findPlace = ({ folder }: Machine, line: string): string | undefined => {
  // Of a file that is open strace gives the path, which is in the machine's folder here.
  const opened = /^\w+\(\d+<([^>]*)>/.exec(line)?.[1];
  const named =
    opened === undefined ? /"([^"]*)"/.exec(line)?.[1] : opened.split(`${folder}/root`)[1];
  return named === undefined || /^\/(dev|disk|proc|run)(\/|$)/.test(named) ? undefined : named;
};

/** Keeps the disk of a machine after each of the calls that it hears of. */
const keepDisks = (machine: Machine, torn: boolean) => {
  const { root } = machine;
  const read = () => readFileSync(join(machine.folder, "image"));
  const pack = (image: Buffer) => gzipSync(image, { level: 1 });
  const unsynced = followUnsynced();
  const cuts: Cut[] = [];
  let image = read();
  let disk = pack(image);
  return {
    cuts,
    keep: (call: string, line: string): void => {
      const place = findPlace(machine, line);
      if (place === undefined && call !== "sync") return;
      unsynced.note(call, line, place);
      if (torn) tear(root, unsynced.paths(), cuts.length);
      const now = read();
      if (!now.equals(image)) disk = pack(now);
      image = now;
      cuts.push({ call, line, disk });
    },
  };
};

/**
 * Runs a command on a machine with the image of a disk, stops it after each call of the system that
 * changes the disk, and keeps what the disk has then: what is only in memory is lost.
 *
 * @param torn - whether the kernel writes some of that at each of these calls, in parts
 */
export const cutAtCalls = async (
  machine: Machine,
  command: string,
  { torn }: { readonly torn: boolean },
): Promise<Cuts> => {
  const { cuts, keep } = keepDisks(machine, torn);
  const options = [
    ..."-f -y -s 1 -o".split(" "),
    "|cat >&3",
    `--trace=${[...calls, ...interruptible].join(",")}`,
    `--inject=${calls.join(",")}:signal=STOP`,
    `--inject=${interruptible.join(",")}:error=ENOSYS`,
  ];
  const child = spawn("strace", [...options, ...machine.enter(command)], {
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
  const closed = once(child, "close");
  await readStops(child.stdio[3] as Readable, keep);
  const [code] = (await closed) as [number | null];
  return { cuts, code, said };
};
