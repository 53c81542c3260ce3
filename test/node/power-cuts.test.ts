import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { gunzipSync } from "node:zlib";
import type { Cloud } from "./world/cloud.ts";
import { type Machine, makeMachine } from "./world/machine.ts";
import { makePool, type Pool, startCloud } from "./world/pool.ts";

let cloud: Cloud;
before(async () => {
  cloud = await startCloud();
});
after(() => cloud.close());

type Files = Readonly<Record<string, string>>;

const older: Files = {
  "/etc/a.conf": "older {{drover.instance_id}}\n",
  "/etc/b.d/b.conf": "older\n".repeat(2_000),
  "/etc/b.d/c.conf": "older\n",
  "/etc/only-older.conf": "older\n",
  // A folder that becomes a file.
  "/etc/f.d/f.conf": "older\n",
};
const newer: Files = {
  "/etc/a.conf": "newer {{drover.instance_id}}\n",
  "/etc/b.d/b.conf": "newer\n".repeat(2_000),
  "/etc/b.d/c.conf": "newer\n",
  "/etc/n.d/only-newer.conf": "newer\n",
  "/etc/f.d": "newer\n",
};
const paths = [...new Set([...Object.keys(older), ...Object.keys(newer)])];
const inBoth = Object.keys(older).filter((path) => path in newer);

const rendered = (files: Files, path: string): string =>
  (files[path] ?? "none\n").replace("{{drover.instance_id}}", "i-0123456789abcdef0");

/** Which of the sets of files these paths have, whole; otherwise what they have. */
const identify = async (machine: Machine, of: readonly string[]): Promise<string> => {
  const { stdout } = await machine.run(
    of.map((path) => `cat ${path} 2>/dev/null || echo none; echo ,`).join("\n"),
  );
  const whole = (files: Files) => of.map((path) => `${rendered(files, path)},\n`).join("");
  if (stdout === whole({})) return "none";
  if (stdout === whole(older)) return "older";
  return stdout === whole(newer) ? "newer" : stdout;
};

// The tools by which drover-pull changes what is on the disk.
const tools = [
  "fsync",
  "sync",
  "mv",
  "ln",
  "rm",
  "rmdir",
  "cp",
  "mkdir",
  "touch",
  "tar",
  "chown",
  "chmod",
];

const instrument = async ({ machine }: Pool): Promise<void> => {
  machine.write(
    "/spy/snapshot",
    readFileSync(join(import.meta.dirname, "world/snapshot.sh")),
    0o755,
  );
  await machine.run(`mkdir /spy/real; for tool in ${tools.join(" ")}; do
    ln -s snapshot /spy/$tool; ln -s /bin/busybox /spy/real/$tool
  done; sed -i 's#PATH=#PATH=/spy:#' /usr/lib/drover/drover-pull; sync`);
};

/** Boots while every state of the disk is kept; gives them in their order. */
const bootAndKeep = async (pool: Pool, writeBack: boolean): Promise<readonly Buffer[]> => {
  const { folder } = pool.machine;
  mkdirSync(join(folder, "snapshots"));
  if (writeBack) writeFileSync(join(folder, "write-back"), "");
  const done = await pool.machine.run("drover-pull boot", { limitSeconds: 150 });
  assert.equal(done.code, 0, done.stderr);
  const kept = readdirSync(join(folder, "snapshots"))
    .toSorted((one, other) => Number(one) - Number(other))
    .map((name) => readFileSync(join(folder, "snapshots", name)));
  for (const name of ["snapshots", "write-back", "last"])
    rmSync(join(folder, name), { recursive: true, force: true });
  return kept;
};

/** What a machine finds after the power came back, and what it makes of it. */
const comeBack = async (
  context: TestContext,
  snapshot: Buffer,
  state: { seen: Set<string>; before: string },
) => {
  const machine = await makeMachine(context, { disk: gunzipSync(snapshot) });
  await machine.run("sed -i 's#PATH=/spy:#PATH=#' /usr/lib/drover/drover-pull");
  const found = await identify(machine, inBoth);
  assert.ok([state.before, "newer"].includes(found), `a mixture: ${found}`);
  state.seen.add(found);

  // Without the bucket it finishes what it had begun, and is one or the other in all its paths.
  await machine.run(
    "cp /etc/drover/settings /tmp; sed -i -e 's#^\\(DROVER_S3_ENDPOINT\\)=.*#\\1=http://127.0.0.1:1#' -e 's#^\\(DROVER_BOOT_SECONDS\\)=.*#\\1=1#' /etc/drover/settings",
  );
  const alone = await machine.run("drover-pull boot");
  assert.equal(alone.code, 4, alone.stderr);
  assert.equal(await identify(machine, found === "none" ? inBoth : paths), found);
  await machine.run("cp /tmp/settings /etc/drover/settings");
  const done = await machine.run("drover-pull boot");
  assert.equal(done.code, 0, done.stderr);
  assert.equal(await identify(machine, paths), "newer");
  const verified = await machine.run("drover-pull verify");
  assert.equal(verified.code, 0, verified.stdout);
  await machine.cutPower();
};

/** So many of them, with the first and the last. */
const pick = <T>(all: readonly T[], count: number): readonly T[] =>
  all.length <= count
    ? all
    : Array.from(
        { length: count },
        (_, index) => all[Math.round((index * (all.length - 1)) / (count - 1))] as T,
      );

describe("the power is cut", { concurrency: 4 }, () => {
  for (const writeBack of [false, true]) {
    it(`while a machine changes its bundle${writeBack ? ", and the kernel writes as it likes" : ""}: the old or the new one is there, whole`, async (context) => {
      const pool = await makePool(context, cloud, { disk: "image" });
      await pool.publish({ files: older });
      assert.equal((await pool.pull("boot")).code, 0);
      await pool.publish({ files: newer });
      await instrument(pool);
      const snapshots = await bootAndKeep(pool, writeBack);
      assert.ok(snapshots.length > 10, String(snapshots.length));
      const state = { seen: new Set<string>(), before: "older" };
      await Promise.all(pick(snapshots, 7).map((snapshot) => comeBack(context, snapshot, state)));
      assert.deepEqual([...state.seen].toSorted(), ["newer", "older"]);
    });
  }

  it("while a machine gets its first bundle: it has none of it, or all", async (context) => {
    const pool = await makePool(context, cloud, { disk: "image" });
    await pool.publish({ files: newer });
    await instrument(pool);
    const snapshots = await bootAndKeep(pool, true);
    const state = { seen: new Set<string>(), before: "none" };
    for (const snapshot of pick(snapshots, 5)) {
      // The links come after the switch, so that files appear one by one: but only whole ones.
      const machine = await makeMachine(context, { disk: gunzipSync(snapshot) });
      const { stdout } = await machine.run(
        inBoth.map((path) => `cat ${path} 2>/dev/null`).join("; "),
      );
      for (const line of stdout.trim().split("\n"))
        assert.ok(["", "newer", "newer i-0123456789abcdef0"].includes(line), line);
      await machine.cutPower();
      state.seen.add(stdout === "" ? "none" : "some");
      const again = await makeMachine(context, { disk: gunzipSync(snapshot) });
      await again.run("sed -i 's#PATH=/spy:#PATH=#' /usr/lib/drover/drover-pull");
      const done = await again.run("drover-pull boot");
      assert.equal(done.code, 0, done.stderr);
      assert.equal(await identify(again, paths), "newer");
      await again.cutPower();
    }
    assert.deepEqual([...state.seen].toSorted(), ["none", "some"]);
  });
});
