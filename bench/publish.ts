import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { serveOverHttp } from "../rehearsal/wire.ts";
import { createBundleAccount, region } from "../test/lambdas/config/bundle-account.ts";
import { type Benchmark, type Figure, median } from "./benchmark.ts";

/** How much longer than `tar | gzip | sha256sum` of the same tree publishing may take. */
const timeAim = 1.6;
/** How much more memory a large source may need than one of ten megabytes. */
const memoryAim = 1.2;
const rounds = 3;

const repository = join(import.meta.dirname, "..");

interface Size {
  readonly files: number;
  /** Of each. */
  readonly bytes: number;
}

/** Text that packs to about half, in folders of a thousand files. */
const makeSource = (folder: string, { files, bytes }: Size): void => {
  for (let index = 0; index < files; index += 1) {
    const place = join(folder, "files", "etc", "bench", String(Math.floor(index / 1000)));
    if (index % 1000 === 0) mkdirSync(place, { recursive: true });
    const lines = Array.from({ length: Math.ceil(bytes / 65) }, (_, line) =>
      createHash("sha256").update(`${index} ${line}`).digest("hex"),
    );
    writeFileSync(join(place, `${index}.conf`), `${lines.join("\n")}\n`);
  }
  writeFileSync(join(folder, "bundle.yaml"), "architectures: [amd64]\n");
};

/** Milliseconds: by the clock, and on any processor, which a busy machine does not change. */
interface Taken {
  readonly milliseconds: number;
  readonly processor: number;
}

const medianOf = (all: readonly Taken[]): Taken => ({
  milliseconds: median(all.map(({ milliseconds }) => milliseconds)),
  processor: median(all.map(({ processor }) => processor)),
});

/** Runs to the end, and gives what was written to stdout. */
const run = async (
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ readonly milliseconds: number; readonly stdout: string }> => {
  const began = performance.now();
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${stderr}`);
  return { milliseconds: performance.now() - began, stdout };
};

const pack = async (folder: string): Promise<Taken> => {
  const script = 'tar -cf - -C "$1" files bundle.yaml | gzip | sha256sum; times';
  const { milliseconds, stdout } = await run("sh", ["-c", script, "sh", folder]);
  // The last line is of the children: minutes and seconds, of their own and of the system's.
  const parts = [...(stdout.trimEnd().split("\n").at(-1) ?? "").matchAll(/(\d+)m([\d.]+)s/g)];
  const seconds = parts.map(([, minutes, rest]) => Number(minutes) * 60 + Number(rest));
  return { milliseconds, processor: seconds.reduce((sum, each) => sum + each, 0) * 1000 };
};

// Milliseconds of processor time, and what the kernel has noted in kilobytes of 1,024 bytes. (Of
// `getrusage` a process inherits the peak of the one that started it.)
const tellUsage = `data:text/javascript,${encodeURIComponent(`
  import { readFileSync } from "node:fs";
  process.on("exit", () => {
    const { user, system } = process.cpuUsage();
    const [, peak] = /VmHWM:\\s*(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"));
    console.log((user + system) / 1000, peak);
  });
`)}`;

interface Measured {
  /** Of the publisher and of the tools. */
  readonly ours: Taken;
  readonly plain: Taken;
  /** Megabytes of 1,000,000 bytes: the most that the publisher ever had in memory. */
  readonly peak: number;
}

/** Publishes to S3, KMS, SSM and STS as the embedded world has them, over HTTP on loopback. */
const measure = async (size: Size, report: (line: string) => void): Promise<Measured> => {
  const folder = mkdtempSync(join(tmpdir(), "drover-bench-"));
  let account = createBundleAccount();
  const server = await serveOverHttp((request) => account.service(request));
  const env = {
    PATH: process.env["PATH"],
    AWS_ENDPOINT_URL: server.url,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: "AKIADROVERBENCHMARKS",
    AWS_SECRET_ACCESS_KEY: "of no use anywhere",
  };
  const publish = () => {
    // All is new to it, each time.
    account = createBundleAccount();
    const args = ["cli/drover.ts", "publish", folder, "--pool", "workers", "--json"];
    return run(
      process.execPath,
      ["--import", tellUsage, ...args.map((arg, index) => (index ? arg : join(repository, arg)))],
      env,
    );
  };
  try {
    makeSource(folder, size);
    const plain: Taken[] = [];
    const ours: Taken[] = [];
    const peaks: number[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      report(`${size.files} files of ${size.bytes} bytes, round ${round} of ${rounds}`);
      plain.push(await pack(folder));
      const { milliseconds, stdout } = await publish();
      const [processor = "", peak] = (stdout.trimEnd().split("\n").at(-1) ?? "").split(" ");
      ours.push({ milliseconds, processor: Number(processor) });
      peaks.push((Number(peak) * 1024) / 1e6);
    }
    return { plain: medianOf(plain), ours: medianOf(ours), peak: median(peaks) };
  } finally {
    await server.close();
    rmSync(folder, { recursive: true });
  }
};

const sizes = {
  small: { files: 100, bytes: 100_000 },
  large: { files: 1000, bytes: 100_000 },
  many: { files: 20_000, bytes: 5_000 },
} as const;

/** How long publishing takes and how much memory, however large a bundle is. */
export const publish: Benchmark = {
  name: "publish",
  run: async (report) => {
    const small = await measure(sizes.small, report);
    const large = await measure(sizes.large, report);
    const many = await measure(sizes.many, report);
    const times = (what: string, { ours, plain }: Measured): Figure[] =>
      (["milliseconds", "processor"] as const).map((of) => ({
        what: `${what}: ${of === "processor" ? "the same, processor time" : "check, pack, upload, sign"}`,
        value: ours[of],
        unit: "ms",
        against: { what: "tar | gzip | sha256sum", value: plain[of] },
        aim: Math.round(plain[of] * timeAim),
      }));
    const memory = (what: string, { peak }: Measured): Figure => ({
      what: `${what}: peak memory`,
      value: peak,
      unit: "MB",
      against: { what: "of 10 MB", value: small.peak },
    });
    return [
      ...times("100 MB", large),
      ...times("100 MB in 20,000 files", many),
      { ...memory("100 MB", large), aim: Math.round(small.peak * memoryAim) },
      memory("100 MB in 20,000 files", many),
    ];
  },
};
