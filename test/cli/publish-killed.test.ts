import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import { run } from "../../cli/run.ts";
import { type Channel, parseChannel, splitChannel } from "../../lambdas/config/channel.ts";
import { archiveKey, channelKey, manifestKey, signatureKey } from "../../lambdas/config/keys.ts";
import { publishBundle } from "../../lambdas/config/publish-bundle.ts";
import { isolateSdk } from "../../rehearsal/world/sdk-environment.ts";
import {
  beginning,
  bucket,
  type BundleAccount,
  buildSome,
  createBundleAccount,
  region,
} from "../lambdas/config/bundle-account.ts";
import { type Effect, type Point, type Watched, watchPublisher } from "./publisher-process.ts";

/** How many publishers of a large source are ended; those of a small one at each of its calls. */
const pointsOfLarge = 36;

let putBack = () => {};
let folder = "";
before(() => {
  putBack = isolateSdk();
  process.env["AWS_REGION"] = region;
  folder = mkdtempSync(join(tmpdir(), "drover-killed-"));
  // What cannot be compressed takes many writes.
  for (const [name, bytes] of [
    ["small", 1000],
    ["large", 6_000_000],
  ] as const) {
    const etc = join(folder, name, "files", "etc");
    mkdirSync(etc, { recursive: true });
    writeFileSync(join(folder, name, "bundle.yaml"), "architectures: [amd64]\n");
    writeFileSync(join(etc, "blob"), randomBytes(bytes));
  }
});
after(() => {
  rmSync(folder, { recursive: true });
  delete process.env["AWS_REGION"];
  putBack();
});

type Size = "small" | "large";
const argsOf = (size: Size) => [join(folder, size), "--pool", "workers", "--json"];

/** An account whose pool runs another bundle already. */
const makeAccount = async () => {
  const account = createBundleAccount();
  const built = buildSome("the bundle before");
  const mover = { who: "ada", now: beginning, revision: undefined };
  await publishBundle(account.desk(), built, [], { pool: "workers", promote: true, mover });
  return { account, current: built.manifest.sha256 };
};

const textOf = (account: BundleAccount, key: string): Buffer | undefined => {
  const stored = account.s3.get(bucket, key);
  return stored && Buffer.from(stored.content.bytes);
};

/** As a machine does it. */
const isSigned = async (account: BundleAccount, text: Buffer, signature: Buffer) => {
  const place = mkdtempSync(join(folder, "openssl-"));
  const file = (name: string, content: string | Buffer): string => {
    writeFileSync(join(place, name), content);
    return join(place, name);
  };
  const key = file("key.pem", account.kms.publicKey(account.key));
  const words = ["dgst", "-sha256", "-verify", key, "-signature", file("signature", signature)];
  return promisify(execFile)("openssl", [...words, file("text", text)]).then(
    () => true,
    () => false,
  );
};

/** The channel, as far as a machine believes it. */
const readChannel = async (account: BundleAccount): Promise<Channel> => {
  const stored = textOf(account, channelKey("workers")) ?? assert.fail("there is no channel");
  const { text, signature } = splitChannel(stored.toString("utf8"));
  assert.ok(await isSigned(account, Buffer.from(text), signature), "the channel is not signed");
  return parseChannel(text);
};

/** What is under the digest is whole, as soon as a machine would believe its manifest. */
const checkBundle = async (account: BundleAccount, sha256: string): Promise<void> => {
  const [archive, manifest, signature] = [archiveKey, manifestKey, signatureKey].map((key) =>
    textOf(account, key("workers", sha256)),
  );
  if (archive) {
    const digest = createHash("sha256").update(gunzipSync(archive)).digest("hex");
    assert.equal(digest, sha256, "the archive is not whole");
  }
  if (!signature) return;
  assert.ok(archive && manifest, "something is signed that is not there");
  assert.ok(await isSigned(account, manifest, signature), "the manifest is not signed");
};

/** A publisher of one of the sources that is not killed. */
interface Publishing {
  readonly size: Size;
  readonly sha256: string;
  readonly effects: readonly Effect[];
}

const publishWhole = async (size: Size): Promise<Publishing> => {
  const { effects, said } = await watchPublisher(
    folder,
    (await makeAccount()).account,
    argsOf(size),
  );
  const { bundle } = JSON.parse(said) as { bundle: string };
  return { size, sha256: bundle, effects };
};

/** Holds what a publisher left to what it may leave, and finishes its work. */
const examine = async (
  { account, current }: { account: BundleAccount; current: string },
  { effects, killed, left }: Watched,
  { size, sha256 }: Publishing,
): Promise<void> => {
  const last = effects.at(-1);
  const where = `at ${last?.kind} ${last?.index}`;
  // For a moment the archive has a name.
  const hadName = killed && last?.kind === "unlink";
  assert.ok(left.length <= (hadName ? 1 : 0), where);
  for (const name of left) assert.match(name, /^drover-publish-[0-9a-f-]{36}$/);

  const wasAs = { serial: 1, current, candidate: undefined };
  const isToBe = { serial: 2, current, candidate: sha256 };
  const look = async () => {
    const { serial, candidate, ...channel } = await readChannel(account);
    return { serial, current: channel.current, candidate };
  };
  const found = await look();
  assert.deepEqual(found, found.serial === 1 ? wasAs : isToBe, where);
  await checkBundle(account, sha256);
  if (found.candidate !== undefined)
    assert.ok(textOf(account, signatureKey("workers", sha256)), where);

  let error = "";
  const code = await run(
    ["publish", ...argsOf(size)],
    { out: () => {}, error: (text) => (error += text) },
    { clock: account.clock, awsHandler: account.handler() },
  );
  assert.deepEqual([code, error], [0, ""], where);
  assert.deepEqual(await look(), isToBe, where);
  await checkBundle(account, sha256);
};

/** All calls from the first to the last one that has an effect. */
const pointsOf = ({ effects }: Publishing): readonly Point[] =>
  Object.entries(Object.groupBy(effects, ({ call }) => call)).flatMap(([call, some = []]) => {
    const all = some.map(({ nth }) => nth);
    const first = Math.min(...all);
    const count = Math.max(...all) - first + 1;
    return Array.from({ length: count }, (_, index) => ({ call, nth: first + index }));
  });

const pick = <Item>(all: readonly Item[], count: number): readonly Item[] =>
  Array.from({ length: count }, (_, index) => all[Math.floor((index * all.length) / count)]).filter(
    (item) => item !== undefined,
  );

describe("a publisher that is killed", () => {
  it("at any of its writes leaves the channel whole, and is simply run again", async () => {
    // The first one fills the cache of what Node.js compiles.
    await publishWhole("small");
    const small = await publishWhole("small");
    const large = await publishWhole("large");
    const queue = [
      ...pointsOf(small).map((point) => [small, point] as const),
      ...pick(pointsOf(large), pointsOfLarge).map((point) => [large, point] as const),
    ];

    const ended: Effect["kind"][] = [];
    const work = async (): Promise<void> => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const [whole, point] = next;
        const started = await makeAccount();
        const watched = await watchPublisher(folder, started.account, argsOf(whole.size), point);
        await examine(started, watched, whole);
        const last = watched.effects.at(-1);
        if (watched.killed && last) ended.push(last.kind);
      }
    };
    const lanes = Array.from({ length: availableParallelism() }, work);
    const faults = (await Promise.allSettled(lanes)).filter(({ status }) => status === "rejected");
    assert.deepEqual(faults, []);
    assert.ok(ended.length >= 60, `${ended.length} were ended`);
    assert.deepEqual([...new Set(ended)].toSorted(), ["archive", "body", "request", "unlink"]);
  });
});
