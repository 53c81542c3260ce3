import assert from "node:assert/strict";
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import type { Cloud } from "./world/cloud.ts";
import { makePool, type Pool, startCloud } from "./world/pool.ts";
import { sha256, type Source } from "./world/publisher.ts";
import { startWire } from "./world/wire.ts";

let cloud: Cloud;
before(async () => {
  cloud = await startCloud();
});
after(() => cloud.close());

/** Everything on these machines is of one version of a bundle. */
const sourceOf = (version: string): Source => ({
  files: {
    "/etc/a.conf": `${version} {{drover.instance_id}}\n`,
    // More than is left between two blocks of a disk.
    "/etc/b.d/b.conf": `${version} {{drover.pool}}\n`.repeat(3_000),
    [`/etc/b.d/${version}.conf`]: `${version}\n`,
  },
  description: {
    architectures: ["amd64"],
    binaries: [
      {
        path: "/usr/local/bin/tool",
        check: [],
        amd64: { source: "bucket", sha256: sha256(toolOf(version)) },
      },
    ],
    secrets: [{ name: "token", from: "ssm", id: `/drover/${version}` }],
  },
});

const toolOf = (version: string): string => `#!/bin/sh\necho ${version}\n${"#".repeat(50_000)}\n`;

/** What a machine shows of the version that it runs, whichever way it is looked at. */
const identify = async ({ machine }: Pool): Promise<string> => {
  const { stdout } = await machine.run(
    "cut -d ' ' -f 1 /etc/a.conf; sort -u /etc/b.d/b.conf | cut -d ' ' -f 1; wc -l </etc/b.d/b.conf; tool; ls /etc/b.d; cat /etc/b.d/v*.conf",
  );
  const [version = "", ...others] = stdout.trimEnd().split("\n");
  assert.deepEqual(others, [version, "3000", version, "b.conf", `${version}.conf`, version]);
  return version;
};

const disks = {
  // The whole disk, with /etc and /var/lib/drover on it.
  disk: "/",
  // Memory, where secrets and the work of a run are.
  memory: "/run",
} as const;
type Disk = keyof typeof disks;

const tools =
  "cat awk sort sed cp mv ln mkdir rm rmdir tar gzip chmod chown fsync sync touch base64 find mktemp cut comm head tr stat grep".split(
    " ",
  );

/** Without memory a run can do nothing at all; what runs goes on. */
const states = { disk: /^(kept|went-back)$/, memory: /^(kept|went-back|failed)$/ } as const;

interface Trial {
  readonly pool: Pool;
  /** Publishes the next version; names it. */
  readonly publishNext: () => Promise<string>;
  readonly empty: () => Promise<void>;
}

const makeTrial = async (context: TestContext, disk: Disk): Promise<Trial> => {
  const pool = await makePool(context, cloud, { disk: "image" });
  pool.configure({ DROVER_BOOT_SECONDS: "10" });
  const { machine } = pool;
  await machine.run("mount -o remount,size=4m /run; mkdir /dev/fill");
  machine.write("/dev/fill/tool", readFileSync(join(import.meta.dirname, "world/fill.sh")), 0o755);
  await machine.run(
    `cd /dev/fill && ln -s ${disks[disk]} disk && mkdir bin && for tool in ${tools.join(" ")}; do ln -s ../tool bin/$tool; done; sed -i 's#PATH=#PATH=/dev/fill/bin:#' /usr/lib/drover/drover-pull`,
  );
  let number = 0;
  const publishNext = async (): Promise<string> => {
    number += 1;
    const version = `v${number}${disk}`;
    await cloud.putParameter(`/drover/${version}`, version.repeat(500));
    await pool.bucket.put(`binaries/${sha256(toolOf(version))}`, toolOf(version));
    await pool.publish(sourceOf(version));
    return version;
  };
  const empty = async (): Promise<void> => {
    await machine.run(": >/dev/fill/at; rm -f /dev/fill/disk/filler /dev/fill/filled");
  };
  await empty();
  return { pool, publishNext, empty };
};

const why = /full|could not be written|could not be unpacked|there is no room|where \d+ are free/;

/** After a run on a full disk: nothing is half done, and the next run ends right. */
const endsRight = async ({ pool, publishNext, empty }: Trial): Promise<void> => {
  await empty();
  const left = await pool.machine.run(
    "ls -A /var/lib/drover /run/drover | grep -E 'new|work|incoming'",
  );
  assert.equal(left.stdout, "");
  const next = await publishNext();
  const again = await pool.pull("boot");
  assert.equal(again.code, 0, again.stderr);
  assert.equal(await identify(pool), next);
};

/** So many of them, with the first and the last. */
const pick = (all: number, count: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => 1 + Math.round((index * (all - 1)) / (count - 1)));

describe("a disk that is full in the middle", { concurrency: 3 }, () => {
  it("of an archive, a binary or a secret that comes in is told, and nothing is changed", async (context) => {
    for (const [disk, arrives, says] of [
      [
        "disk",
        /\.tar\.gz$/,
        /bundles\/workers\/\w+\.tar\.gz: .*incoming\/archive could not be written: is the disk full\?/,
      ],
      [
        "disk",
        /^binaries\//,
        /binaries\/\w+: .*incoming\/binary could not be written: is the disk full\?/,
      ],
      [
        "memory",
        /^\/$/,
        /secret \/drover\/v2memory: .*answer could not be written: is the disk full\?/,
      ],
    ] as const) {
      const trial = await makeTrial(context, disk);
      const { pool } = trial;
      const wire = await startWire(cloud.endpoint);
      context.after(wire.close);
      pool.configure({ DROVER_S3_ENDPOINT: wire.endpoint, DROVER_SSM_ENDPOINT: wire.endpoint });
      const was = await trial.publishNext();
      assert.equal((await pool.pull("boot")).code, 0);
      await trial.publishNext();
      let filled = false;
      wire.fault = ({ key }) => {
        if (filled || !arrives.test(key)) return undefined;
        filled = true;
        fill(join(pool.machine.root, disks[disk], "filler"));
        return undefined;
      };
      const done = await pool.pull("boot");
      assert.ok(filled);
      assert.match(done.stderr, says);
      assert.equal(done.code, 3, done.stderr);
      assert.equal(await identify(pool), was);
      const report = await pool.report();
      assert.equal(report["state"], "kept");
      assert.match(report["reason"] ?? "", says);
      await endsRight(trial);
    }
  });

  for (const disk of ["disk", "memory"] as const) {
    it(`of any step is told, and nothing is changed (${disk})`, async (context) => {
      const trial = await makeTrial(context, disk);
      const { pool, publishNext } = trial;
      const { machine } = pool;
      await publishNext();
      assert.equal((await pool.pull("boot")).code, 0);
      const before = await publishNext();
      await machine.run("echo 0 >/dev/fill/at");
      assert.equal((await pool.pull("boot")).code, 0);
      assert.equal(await identify(pool), before);
      const calls = (await machine.read("/dev/fill/calls")).split("\n").length;
      assert.ok(calls > 60, String(calls));
      await trial.empty();
      const seen = new Set<number>();
      for (const at of pick(calls, 12)) {
        const was = await identify(pool);
        const next = await publishNext();
        await machine.run(`: >/dev/fill/calls; echo ${at} >/dev/fill/at`);
        const done = await pool.pull("boot");
        const of = `${at} of ${calls}: ${done.stderr}`;
        seen.add(done.code);
        assert.ok([0, 3, 4, 5].includes(done.code), of);
        assert.equal(await identify(pool), done.code === 0 ? next : was, of);
        if (done.code !== 0) {
          assert.match(done.stderr, why, of);
          // Without any memory from the beginning there is only the console.
          const report = /more memory/.test(done.stderr) ? undefined : await pool.report();
          assert.match(report?.["state"] ?? "kept", states[disk], of);
          assert.match(report?.["reason"] ?? machine.console(), why, of);
        }
        await endsRight(trial);
      }
      assert.ok(seen.has(3), [...seen].join());
    });
  }
});

/** Writes zeros into a file until there is no room for more. */
const fill = (path: string): void => {
  const file = openSync(path, "w");
  const zeros = Buffer.alloc(65_536);
  try {
    for (let size = zeros.length; size >= 1;) {
      try {
        writeSync(file, zeros, 0, size);
      } catch {
        size = Math.floor(size / 2);
      }
    }
  } finally {
    closeSync(file);
  }
};
