import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Cloud } from "./world/cloud.ts";
import type { Machine } from "./world/machine.ts";
import { makePool, type Pool, startCloud } from "./world/pool.ts";
import {
  buildBundle,
  buildChannel,
  buildHostileBundle,
  type Bundle,
  bundleObjects,
  makeKey,
  publicPem,
  sha256,
  type Source,
} from "./world/publisher.ts";
import type { Entry } from "./world/tar.ts";

let cloud: Cloud;
before(async () => {
  cloud = await startCloud();
});
after(() => cloud.close());

const source: Source = { files: { "/etc/a.conf": "a\n" } };

/** Everything on the machine's disk that a bundle could change. */
const lookAt = async (machine: Machine): Promise<string> => {
  const { stdout } = await machine.run(
    "find /etc /usr/local /var/lib/drover -exec stat -c '%N %a %u %g %s' {} + | sort; find /etc /var/lib/drover -type f -exec sha256sum {} + | sort",
  );
  return stdout;
};

const build = (pool: Pool, ...rest: [Source, Parameters<typeof buildBundle>[2]?]) =>
  buildBundle(pool.key.privateKey, ...rest);

const store = async (pool: Pool, bundle: Bundle, channel?: string) => {
  for (const [name, content] of bundleObjects(bundle)) await pool.bucket.put(name, content);
  await pool.bucket.put(
    "channels/workers",
    channel ?? buildChannel(pool.key.privateKey, { serial: 42, current: bundle.sha256 }),
  );
};

/** Boots a fresh machine, which has to refuse, say so in its report and be as it was. */
const refuses = async (pool: Pool, why: RegExp, code = 3) => {
  const state = await lookAt(pool.machine);
  const done = await pool.pull("boot");
  assert.match(done.stderr, why);
  assert.equal(done.code, code, done.stderr);
  assert.equal(
    (await lookAt(pool.machine)).replaceAll(/^.*var\/lib\/drover.*$\n/gm, ""),
    state.replaceAll(/^.*var\/lib\/drover.*$\n/gm, ""),
  );
  const left = await pool.machine.run("cd /var/lib/drover && find . -mindepth 2");
  assert.equal(left.stdout, "");
  const report = await pool.report();
  assert.equal(report["state"], "failed");
  assert.match(report["reason"] ?? "", why);
  assert.match(pool.machine.console(), why);
};

describe("a fresh machine refuses", { concurrency: 3 }, () => {
  it("a channel signed with another key", async (context) => {
    const pool = await makePool(context, cloud);
    const bundle = await build(pool, source);
    const stranger = makeKey().privateKey;
    await store(pool, bundle, buildChannel(stranger, { serial: 42, current: bundle.sha256 }));
    await refuses(pool, /channels\/workers has a wrong signature: .*another key/);
  });

  it("a bundle signed with another key", async (context) => {
    const pool = await makePool(context, cloud);
    await store(pool, await buildBundle(makeKey().privateKey, source));
    await refuses(pool, /[0-9a-f]{64}\.manifest has a wrong signature: .*another key/);
  });

  it("a channel of a key that it has no more, and settings without a key", async (context) => {
    const pool = await makePool(context, cloud);
    await store(pool, await build(pool, source));
    for (const [keys, why] of [
      [[makeKey(), makeKey()], /channels\/workers has a wrong signature/],
      [[], /\/etc\/drover\/key\.pem holds no public key/],
    ] as const) {
      const pems = keys.map(({ publicKey }) => publicPem(publicKey));
      pool.machine.write("/etc/drover/key.pem", pems.join(""));
      await refuses(pool, why);
    }
  });

  it("a serial below the floor that it was told", async (context) => {
    const pool = await makePool(context, cloud);
    pool.configure({ DROVER_SERIAL_FLOOR: "43" });
    await store(pool, await build(pool, source));
    await refuses(pool, /has serial 42, and this machine was told to take none below 43/);
  });

  it("the channel of another pool", async (context) => {
    const pool = await makePool(context, cloud);
    const bundle = await build(pool, source);
    const other = { serial: 42, current: bundle.sha256, pool: "batch" };
    await store(pool, bundle, buildChannel(pool.key.privateKey, other));
    await refuses(pool, /is for pool batch, and this machine is of pool workers/);
  });

  it("the bundle of another pool", async (context) => {
    const pool = await makePool(context, cloud);
    await store(pool, await build(pool, source, { said: { pool: "batch" } }));
    await refuses(pool, /is of pool batch, and this machine is of pool workers/);
  });

  it("the plan of another pool", async (context) => {
    const pool = await makePool(context, cloud);
    await store(pool, await build(pool, source, { pool: "batch", said: { pool: "workers" } }));
    await refuses(pool, /line 2 is of another pool: pool batch/);
  });

  it("a bundle for other architectures", async (context) => {
    const pool = await makePool(context, cloud);
    const description = { architectures: ["arm64"] } satisfies Source["description"];
    await store(pool, await build(pool, { ...source, description }));
    await refuses(pool, /is for other architectures than amd64/);
  });

  it("a bundle under the name of another", async (context) => {
    const pool = await makePool(context, cloud);
    const real = await build(pool, source);
    const other = await build(pool, { files: { "/etc/b.conf": "b\n" } });
    await store(pool, { ...other, sha256: real.sha256 });
    await refuses(pool, /\.manifest speaks of [0-9a-f]{64}/);
    await store(pool, { ...real, archive: other.archive });
    await refuses(pool, /holds something else: its digest is/);
  });

  it("an archive that becomes more than was signed", async (context) => {
    const pool = await makePool(context, cloud);
    const bundle = await build(pool, source);
    const bomb = await build(pool, {
      files: { "/etc/zeros": Buffer.alloc(5_000_000) },
    });
    await store(pool, { ...bundle, archive: bomb.archive });
    await refuses(pool, /holds more than the \d+ bytes of its manifest/);
  });

  it("an instance tag that names a bundle which the channel has not", async (context) => {
    const pool = await makePool(context, cloud);
    pool.metadata.values.set("tags/instance/drover:bundle", "e".repeat(64));
    await store(pool, await build(pool, source));
    await refuses(
      pool,
      /the tag drover:bundle names e{64}, which is neither current nor candidate/,
    );
  });

  it("a channel that does not exist, and one without a bundle", async (context) => {
    const pool = await makePool(context, cloud);
    pool.configure({ DROVER_POOL: "nobody" });
    const done = await pool.pull("boot");
    assert.match(done.stderr, /pool nobody has no channel: publish a bundle first/);
    pool.configure();
    const bundle = await build(pool, source);
    await store(pool, bundle, buildChannel(pool.key.privateKey, { serial: 42 }));
    await refuses(pool, /pool workers has no current bundle yet/);
  });

  it("a disk that is too small", async (context) => {
    const pool = await makePool(context, cloud);
    await pool.machine.run(
      "mkdir -p /var/lib/drover && mount -t tmpfs -o size=3m tmpfs /var/lib/drover",
    );
    await store(pool, await build(pool, source));
    await refuses(pool, /needs \d+ KiB in \/var\/lib\/drover, where \d+ are free/);
  });

  it("a binary that is another one, or does not run here", async (context) => {
    const pool = await makePool(context, cloud);
    const script = "#!/lib/ld-of-another-libc\n";
    const digest = sha256(script);
    const description = {
      architectures: ["amd64" as const],
      binaries: [
        {
          path: "/usr/local/bin/tool",
          check: ["version"],
          amd64: { source: "bucket", sha256: digest, bytes: script.length },
        },
      ],
    };
    await store(pool, await build(pool, { ...source, description }));
    await pool.bucket.put(`binaries/${digest}`, "#!/bin/sh\nexit 0\n".slice(0, script.length));
    await refuses(pool, /binaries\/[0-9a-f]{64} is not the binary of the plan/);
    await pool.bucket.put(`binaries/${digest}`, script);
    const done = await pool.pull("boot");
    assert.match(done.stderr, /tool does not run here: '.* version' ended with 12[67]/);
    assert.equal(await pool.machine.exists("/usr/local/bin/tool"), false);
  });
});

describe("a machine whose role may not read a secret", () => {
  it("refuses the bundle", async (context) => {
    const pool = await makePool(context, cloud);
    pool.configure({ DROVER_BOOT_SECONDS: "1" });
    const description = {
      secrets: [{ name: "x", from: "secretsmanager" as const, id: "somebody/else" }],
    };
    await store(pool, await build(pool, { ...source, description }));
    await refuses(pool, /secret somebody\/else: answered 40[04] ResourceNotFoundException/);
    await cloud.putSecret("somebody/else", "secret");
    await cloud.allow({ "s3:*": "*" });
    try {
      await refuses(pool, /secret somebody\/else: answered 4\d\d AccessDenied/);
    } finally {
      await cloud.allow({
        "s3:*": "*",
        "secretsmanager:GetSecretValue": "*",
        "ssm:GetParameter": "*",
      });
    }
  });
});

const plan = "drover-plan 1\npool workers\narch amd64\narch arm64\n";
const folders: readonly Entry[] = [
  { name: "files/", type: "5" },
  { name: "files/etc/", type: "5" },
];
const planFile: Entry = { name: "plan", content: plan };

const hostile: readonly (readonly [string, Entry, RegExp])[] = [
  [
    "leads up",
    { name: "files/../../etc/passwd", content: "x" },
    /not plain: tar: removing leading/,
  ],
  ["is absolute", { name: "/etc/passwd", content: "x" }, /not plain: tar: removing leading/],
  ["has a dot in its path", { name: "files/./x", content: "x" }, /not straight/],
  ["lies beside the files", { name: "etc/passwd", content: "x" }, /that no bundle has: etc/],
  ["is a second plan", planFile, /an entry twice: plan/],
  ["is a hard link", { name: "files/x", type: "1", target: "plan" }, /a hard link/],
  ["is a character device", { name: "files/null", type: "3" }, /no folder, file or link/],
  ["is a block device", { name: "files/disk", type: "4" }, /no folder, file or link/],
  ["is a pipe", { name: "files/pipe", type: "6" }, /no folder, file or link/],
  ["links to an absolute path", { name: "files/x", type: "2", target: "/etc/shadow" }, /absolute/],
  ["links out", { name: "files/etc/x", type: "2", target: "../../../x" }, /leads out/],
  ["links to the plan", { name: "files/etc/x", type: "2", target: "../../plan" }, /leads out/],
  ["is set-uid", { name: "files/x", content: "x", mode: 0o4755 }, /a set-uid/],
  [
    "has a newline in its name",
    { name: "files/a\nb", content: "x" },
    /cannot be read|manifest|control/,
  ],
  ["has an arrow in its name", { name: "files/a -> b", content: "x" }, /arrow in a name/],
  [
    "is of no known type",
    { name: "files/x", type: "g", content: "52 path=/etc/x\n" },
    /not plain|manifest|cannot be read/,
  ],
  [
    "gives a long name to another",
    { name: "././@LongLink", type: "L", content: "files/x\0" },
    /not plain|manifest|cannot be read/,
  ],
];

describe("an archive, though it is signed, is refused when an entry", { concurrency: 3 }, () => {
  for (const [what, entry, why] of hostile) {
    it(what, async (context) => {
      const pool = await makePool(context, cloud);
      await store(pool, buildHostileBundle(pool.key.privateKey, [...folders, planFile, entry]));
      await refuses(pool, why);
    });
  }

  it("lies below a link", async (context) => {
    const pool = await makePool(context, cloud);
    const entries = [
      ...folders,
      { name: "files/etc/x", type: "2", target: "y" },
      { name: "files/etc/x/z", content: "z" },
      planFile,
    ];
    await store(pool, buildHostileBundle(pool.key.privateKey, entries));
    await refuses(pool, /below one that is no folder/);
  });
});
