import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import { gunzipSync } from "node:zlib";
import type { Cloud } from "./world/cloud.ts";
import { type Cut, cutAtCalls, isRename, isSync } from "./world/cut-at-calls.ts";
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

/** Boots a machine to the newer bundle, and gives what its disk has after each call on the way. */
const bootAndCut = async ({ machine, configure }: Pool, torn: boolean): Promise<readonly Cut[]> => {
  configure({ DROVER_BOOT_SECONDS: "120" });
  await machine.run("sync");
  const { cuts, code, said } = await cutAtCalls(machine, "drover-pull boot", { torn });
  assert.equal(code, 0, said);
  const [renames, syncs] = [cuts.filter(isRename).length, cuts.filter(isSync).length];
  const found = `${cuts.length} calls, ${renames} renames, ${syncs} syncs`;
  assert.ok(cuts.length >= 50 && renames >= 6 && syncs >= 7, found);
  return cuts;
};

/** What a machine finds after the power came back, and what it makes of it. */
const comeBack = async (
  context: TestContext,
  { line, disk }: Cut,
  state: { seen: Set<string>; before: string },
) => {
  const machine = await makeMachine(context, { disk: gunzipSync(disk) });
  const found = await identify(machine, inBoth);
  assert.ok([state.before, "newer"].includes(found), `a mixture at ${line}: ${found}`);
  state.seen.add(found);

  // Without the bucket it finishes what it had begun, and is one or the other in all its paths.
  await machine.run(
    "cp /etc/drover/settings /tmp; sed -i -e 's#^\\(DROVER_S3_ENDPOINT\\)=.*#\\1=http://127.0.0.1:1#' -e 's#^\\(DROVER_BOOT_SECONDS\\)=.*#\\1=1#' /etc/drover/settings",
  );
  const alone = await machine.run("drover-pull boot");
  assert.equal(alone.code, 4, `${line}: ${alone.stderr}`);
  assert.equal(await identify(machine, found === "none" ? inBoth : paths), found, line);
  await machine.run("cp /tmp/settings /etc/drover/settings");
  const done = await machine.run("drover-pull boot");
  assert.equal(done.code, 0, `${line}: ${done.stderr}`);
  assert.equal(await identify(machine, paths), "newer", line);
  const verified = await machine.run("drover-pull verify");
  assert.equal(verified.code, 0, `${line}: ${verified.stdout}`);
  await machine.cutPower();
};

/** Every rename, every sync and so many of the others; of those with the same disk one. */
const pick = (cuts: readonly Cut[], count: number): readonly Cut[] => {
  const others = cuts.filter((cut) => !isRename(cut) && !isSync(cut));
  const step = Math.max(1, others.length / count);
  const some = new Set(others.filter((_, index) => index % step < 1));
  const picked = cuts.filter((cut) => isRename(cut) || isSync(cut) || some.has(cut));
  return [...new Map(picked.map((cut) => [cut.disk, cut])).values()];
};

/** Does it for all of them, a few at a time. */
const forAll = async <T>(all: readonly T[], act: (one: T) => Promise<void>): Promise<void> => {
  const queue = [...all];
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await act(next);
  };
  await Promise.all(Array.from({ length: 5 }, work));
};

// One after the other: where a machine syncs, the disks of all are synced.
it("the power is cut after a file was written that nobody synced: a part of it is there", async (context) => {
  const whole = "line\n".repeat(8_000);
  const writer = await makeMachine(context, { disk: "image" });
  writer.write("/whole", whole);
  const writeAndCut = async (): Promise<string> => {
    const { cuts } = await cutAtCalls(writer, "cat /whole >/new", { torn: true });
    assert.deepEqual(
      cuts.map(({ call }) => call),
      ["write"],
    );
    const machine = await makeMachine(context, { disk: gunzipSync(cuts[0]?.disk ?? "") });
    return machine.read("/new");
  };
  let found = whole;
  for (let tries = 0; found === whole && tries < 5; tries += 1) found = await writeAndCut();
  assert.ok(whole.startsWith(found), "something else is there");
  assert.ok(found.length > 0 && found.length < whole.length, `${found.length} bytes`);
});

describe("the power is cut", () => {
  for (const torn of [false, true]) {
    it(`after any call by which a machine changes its bundle${torn ? ", and the kernel wrote as it liked" : ""}: the old or the new one is there, whole`, async (context) => {
      const pool = await makePool(context, cloud, { disk: "image" });
      await pool.publish({ files: older });
      assert.equal((await pool.pull("boot")).code, 0);
      await pool.publish({ files: newer });
      const picked = pick(await bootAndCut(pool, torn), 12);
      const least = torn ? 25 : 8;
      assert.ok(picked.length >= least, `${picked.length} disks`);
      const state = { seen: new Set<string>(), before: "older" };
      await forAll(picked, (cut) => comeBack(context, cut, state));
      assert.deepEqual([...state.seen].toSorted(), ["newer", "older"]);
    });
  }

  it("after any call by which a machine gets its first bundle: only whole files are there", async (context) => {
    const pool = await makePool(context, cloud, { disk: "image" });
    await pool.publish({ files: newer });
    const seen = new Set<string>();
    // After a sync nothing is torn that was whole before.
    const cuts = (await bootAndCut(pool, true)).filter((cut) => !isSync(cut));
    await forAll(pick(cuts, 6), async ({ line, disk }) => {
      const machine = await makeMachine(context, { disk: gunzipSync(disk) });
      // The links come after the switch, so that files appear one by one.
      const { stdout } = await machine.run(
        inBoth.map((path) => `cat ${path} 2>/dev/null`).join("; "),
      );
      for (const text of stdout.trim().split("\n"))
        assert.ok(["", "newer", "newer i-0123456789abcdef0"].includes(text), `${text} at ${line}`);
      seen.add(stdout === "" ? "none" : "some");
      const done = await machine.run("drover-pull boot");
      assert.equal(done.code, 0, `${line}: ${done.stderr}`);
      assert.equal(await identify(machine, paths), "newer", line);
      await machine.cutPower();
    });
    assert.deepEqual([...seen].toSorted(), ["none", "some"]);
  });
});
