import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { serveOverHttp } from "../../rehearsal/wire.ts";
import { type BundleAccount, region } from "../lambdas/config/bundle-account.ts";

/** A call of the system. */
export interface Point {
  readonly call: string;
  /** Which of the calls of that name it is, from 1. */
  readonly nth: number;
}

/** One by which the publisher changes something outside of itself. */
export interface Effect extends Point {
  /** The beginning of a request, more of its body, a part of the archive, or its name taken away. */
  readonly kind: "request" | "body" | "archive" | "unlink";
  /** Which of its kind, from 1. */
  readonly index: number;
}

/** What became of a publisher that was watched. */
export interface Watched {
  readonly effects: readonly Effect[];
  /** Whether it was ended at the last of them, which was not carried out. */
  readonly killed: boolean;
  /** What it left in the folder for temporary files. */
  readonly left: readonly string[];
  readonly said: string;
}

const drover = join(import.meta.dirname, "..", "..", "cli", "drover.ts");

const calls = ["write", "writev", "unlink"];

const kindOf = (line: string): Effect["kind"] | undefined => {
  if (/^unlink\("[^"]*\/drover-publish-/.test(line)) return "unlink";
  if (/^\w+\(\d+<[^>]*\/drover-publish-/.test(line)) return "archive";
  if (!/^\w+\(\d+<socket:/.test(line)) return undefined;
  return /^[^"]*"(?:GET|HEAD|POST|PUT) \//.test(line) ? "request" : "body";
};

/** Reads what strace has written of one thread. */
const readTrace = (trace: string): readonly Effect[] => {
  const counts = new Map<string, number>();
  const count = (name: string): number => {
    counts.set(name, (counts.get(name) ?? 0) + 1);
    return counts.get(name) ?? 0;
  };
  return trace.split("\n").flatMap((line) => {
    const call = /^\w+(?=\()/.exec(line)?.[0];
    if (call === undefined) return [];
    const nth = count(`${call}()`);
    const kind = kindOf(line);
    return kind ? [{ call, nth, kind, index: count(kind) }] : [];
  });
};

/**
 * Runs `drover publish` in a process of its own against an account, and notes its effects: they are
 * all of its first thread.
 *
 * @param folder - for what it needs; what Node.js compiles is kept there from one to the next
 * @param at - where it is ended by SIGKILL, before the call is carried out
 */
export const watchPublisher = async (
  folder: string,
  account: BundleAccount,
  args: readonly string[],
  at?: Point,
): Promise<Watched> => {
  const server = await serveOverHttp((request) => account.service(request));
  const place = mkdtempSync(join(folder, "run-"));
  const trace = join(folder, `${place.split("-").at(-1)}.trace`);
  try {
    const kill = at ? `-e inject=${at.call}:signal=KILL:when=${at.nth}`.split(" ") : [];
    const options = `-y -e trace=${calls.join(",")} -e signal=none -o`.split(" ");
    const child = spawn(
      "strace",
      [...options, trace, ...kill, process.execPath, drover, "publish", ...args],
      {
        stdio: ["ignore", "pipe", "pipe"],
        env: {
          PATH: process.env["PATH"],
          HOME: "/nonexistent",
          TMPDIR: place,
          NODE_COMPILE_CACHE: join(folder, "compiled"),
          AWS_ENDPOINT_URL: server.url,
          AWS_REGION: region,
          AWS_ACCESS_KEY_ID: "AKIADROVERPUBLISHERS",
          AWS_SECRET_ACCESS_KEY: "of no use anywhere",
        },
      },
    );
    let said = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
    const [, signal] = (await once(child, "close")) as [number | null, string | null];
    return {
      effects: readTrace(readFileSync(trace, "utf8")),
      killed: signal === "SIGKILL",
      left: readdirSync(place),
      said,
    };
  } finally {
    rmSync(place, { recursive: true });
    await server.close();
  }
};
