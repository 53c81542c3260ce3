import assert from "node:assert/strict";
import { sign } from "node:crypto";
import { after, before, describe, it } from "node:test";
import type { Cloud } from "./world/cloud.ts";
import { makePool, type Pool, startCloud } from "./world/pool.ts";
import {
  buildBundle,
  buildChannel,
  bundleObjects,
  makeKey,
  publicPem,
  sha256,
} from "./world/publisher.ts";

let cloud: Cloud;
before(async () => {
  cloud = await startCloud();
});
after(() => cloud.close());

describe("drover-pull boot", { concurrency: 3 }, () => {
  it("brings a fresh machine to what its pool runs", async (context) => {
    const { machine, publish, pull, report } = await makePool(context, cloud);
    await cloud.putSecret("drover/workers/gossip", 'secret "value" with \\ and ü\n');
    const bundle = await publish({
      files: {
        "/etc/motd.d/pool": "{{drover.pool}} {{drover.instance_id}} {{!drover.pool}} {{ .Name }}\n",
        "/etc/agent.hcl": 'key = "{{drover.secret.gossip}}"\n',
      },
      description: {
        files: [{ path: "/etc/agent.hcl", owner: "nobody:nobody", mode: "0640" }],
        secrets: [
          {
            name: "gossip",
            from: "secretsmanager",
            id: "drover/workers/gossip",
            owner: "nobody:nobody",
          },
        ],
      },
    });

    const done = await pull("boot");

    assert.equal(done.code, 0, done.stderr);
    assert.equal(
      await machine.read("/etc/motd.d/pool"),
      "workers i-0123456789abcdef0 {{drover.pool}} {{ .Name }}\n",
    );
    assert.equal(await machine.read("/etc/agent.hcl"), 'key = "/run/drover/secrets/gossip"\n');
    assert.equal(
      await machine.read("/run/drover/secrets/gossip"),
      'secret "value" with \\ and ü\n',
    );
    const listed = await machine.run(
      "stat -L -c '%a %U' /etc/agent.hcl /run/drover/secrets/gossip",
    );
    assert.equal(listed.stdout, "640 nobody\n600 nobody\n");
    const { state, serial, bundle: reported } = await report();
    assert.deepEqual([state, serial, reported], ["ready", "42", bundle.sha256]);
    assert.match(machine.console(), /ready: bundle/);
  });

  /** A channel with a current bundle and a candidate. */
  const publishBoth = async ({ bucket, key }: Pool): Promise<string> => {
    const build = (text: string) => buildBundle(key.privateKey, { files: { "/etc/which": text } });
    const current = await build("current\n");
    const candidate = await build("candidate\n");
    for (const bundle of [current, candidate])
      for (const [name, content] of bundleObjects(bundle)) await bucket.put(name, content);
    const channel = { serial: 42, current: current.sha256, candidate: candidate.sha256 };
    await bucket.put("channels/workers", buildChannel(key.privateKey, channel));
    return candidate.sha256;
  };

  it("takes the candidate when the instance is assigned to it, and the current bundle otherwise", async (context) => {
    const pool = await makePool(context, cloud);
    const candidate = await publishBoth(pool);
    assert.equal((await pool.pull("boot")).code, 0);
    assert.equal(await pool.machine.read("/etc/which"), "current\n");
    pool.metadata.values.set("tags/instance/drover:bundle", candidate);
    assert.equal((await pool.pull("boot")).code, 0);
    assert.equal(await pool.machine.read("/etc/which"), "candidate\n");
    // A tag of a launch long ago.
    pool.metadata.values.set("tags/instance/drover:bundle", "0".repeat(64));
    assert.equal((await pool.pull("boot")).code, 0);
    assert.equal(await pool.machine.read("/etc/which"), "current\n");
  });

  it("waits for its assignment where it is told to", async (context) => {
    const pool = await makePool(context, cloud);
    pool.configure({ DROVER_ASSIGNMENT: "wait", DROVER_BOOT_SECONDS: "1" });
    const candidate = await publishBoth(pool);
    const late = await pool.pull("boot");
    assert.equal(late.code, 4);
    assert.match(late.stderr, /the tag drover:bundle did not come within \d+ s/);
    pool.configure({ DROVER_ASSIGNMENT: "wait", DROVER_BOOT_SECONDS: "20" });
    const done = pool.pull("boot");
    pool.metadata.values.set("tags/instance/drover:bundle", candidate);
    assert.equal((await done).code, 0);
    assert.equal(await pool.machine.read("/etc/which"), "candidate\n");
  });

  it("makes the same bundle anew for other values, and only then", async (context) => {
    const { machine, metadata, publish, pull } = await makePool(context, cloud);
    await publish({
      files: { "/etc/size": "{{drover.instance_type}} {{drover.tag.Name}}\n" },
    });
    const missing = await pull("boot");
    assert.match(
      missing.stderr,
      /\{\{drover\.tag\.Name\}\} has no value: instance metadata has no tags/,
    );
    for (const [name, problem] of [
      ['" }\nevil = "', /\{\{drover\.tag\.Name\}\}: its value has something else than letters/],
      ["$(reboot)", /its value has something else/],
      ["", /has an empty value/],
    ] as const) {
      metadata.values.set("tags/instance/Name", name);
      const done = await pull("boot");
      assert.equal(done.code, 3);
      assert.match(done.stderr, problem);
    }
    metadata.values.set("tags/instance/Name", "a name, ü");
    assert.equal((await pull("boot")).code, 0);
    assert.equal(await machine.read("/etc/size"), "m7g.large a name, ü\n");
    const inode = async () => (await machine.run("stat -L -c %i /etc/size")).stdout;
    const first = await inode();
    assert.equal((await pull("boot")).code, 0);
    assert.equal(await inode(), first);
    metadata.values.set("instance-type", "m7g.4xlarge");
    assert.equal((await pull("boot")).code, 0);
    assert.equal(await machine.read("/etc/size"), "m7g.4xlarge a name, ü\n");
  });

  it("believes any of its keys, while one is replaced", async (context) => {
    const pool = await makePool(context, cloud);
    const [old, next] = [pool.key, makeKey()];
    const trust = (...keys: (typeof next)[]) =>
      pool.machine.write(
        "/etc/drover/key.pem",
        keys.map(({ publicKey }) => publicPem(publicKey)).join("\n"),
      );
    const bundle = await buildBundle(old.privateKey, { files: { "/etc/a": "a\n" } });
    const put = async (manifestKey: typeof next, channelKey: typeof next, serial: number) => {
      const signed = {
        ...bundle,
        signature: sign("sha256", bundle.manifest, manifestKey.privateKey),
      };
      for (const [name, content] of bundleObjects(signed)) await pool.bucket.put(name, content);
      const channel = buildChannel(channelKey.privateKey, { serial, current: bundle.sha256 });
      await pool.bucket.put("channels/workers", channel);
      await pool.machine.run("rm -rf /var/lib/drover/bundles");
      return pool.pull("boot");
    };
    trust(old, next);
    assert.equal((await put(old, old, 42)).code, 0);
    // The pool's next publication.
    assert.equal((await put(old, next, 43)).code, 0);
    assert.equal((await put(next, next, 44)).code, 0);
    trust(next);
    assert.equal((await put(next, next, 45)).code, 0);
    const late = await put(old, next, 46);
    assert.equal(late.code, 3);
    assert.match(late.stderr, /\.manifest has a wrong signature/);
  });

  it("keeps binaries by their digests, for as long as a bundle has them", async (context) => {
    const { bucket, machine, publish, pull } = await makePool(context, cloud);
    const script = '#!/bin/sh\necho "tool $1"\n';
    const digest = sha256(script);
    const source = `binaries/${digest}`;
    await bucket.put(source, script);
    const description = {
      binaries: [
        {
          path: "/usr/local/bin/tool",
          check: ["version"],
          amd64: { source: "bucket", sha256: digest, bytes: script.length },
          // Nowhere: this machine does not need it.
          arm64: { source: "bucket", sha256: "a".repeat(64) },
        },
      ],
    };
    await publish({ files: { "/etc/a": "1\n" }, description });
    const done = await pull("boot");
    assert.equal(done.code, 0, done.stderr);
    assert.equal((await machine.run("tool x")).stdout, "tool x\n");
    // It is here: it need not be there.
    await bucket.put(source, "another");
    for (const text of ["2\n", "3\n", "4\n"]) {
      await publish({ files: { "/etc/a": text }, ...(text === "2\n" && { description }) });
      assert.equal((await pull("boot")).code, 0);
      assert.equal(await machine.exists(`/var/lib/drover/binaries/${digest}`), text !== "4\n");
    }
    const kept = await machine.run("ls /var/lib/drover/bundles | wc -l");
    assert.equal(kept.stdout.trim(), "2");
  });

  it("gives back what lay in the places of a bundle before, and removes what it made", async (context) => {
    const { machine, publish, pull } = await makePool(context, cloud);
    const before = await machine.read("/etc/motd");
    await publish({ files: { "/etc/motd": "ours\n", "/etc/new.d/a": "a\n", "/etc/stays": "s\n" } });
    assert.equal((await pull("boot")).code, 0);
    assert.equal(await machine.read("/etc/motd"), "ours\n");
    await publish({ files: { "/etc/stays": "s\n" } });
    assert.equal((await pull("boot")).code, 0);
    assert.equal(await machine.read("/etc/motd"), before);
    assert.equal(await machine.exists("/etc/new.d/a"), false);

    for (const [path, problem] of [
      ["/etc/init.d", /\/etc\/init\.d is a folder here, and a file in bundle/],
      ["/etc/motd/x", /\/etc\/motd is a file here, and a folder in bundle/],
    ] as const) {
      await publish({ files: { [path]: "x\n" } });
      const done = await pull("boot");
      assert.equal(done.code, 3);
      assert.match(done.stderr, problem);
      assert.equal(await machine.read("/etc/stays"), "s\n");
    }
  });

  it("makes a file of what was a folder of a bundle, and the other way round", async (context) => {
    const { machine, publish, pull } = await makePool(context, cloud);
    await machine.run("mkdir /srv/mine && ln -s mine /srv/link && echo mine >/srv/file");
    const boot = async (files: Readonly<Record<string, string>>, links = {}) => {
      await publish({ files, links });
      return pull("boot");
    };
    const first = await boot(
      { "/etc/new.d/in/a": "a\n", "/srv/link": "l\n" },
      { "/srv/file": "../etc/new.d/in" },
    );
    assert.equal(first.code, 0, first.stderr);
    assert.equal(await machine.read("/srv/link"), "l\n");
    assert.equal(await machine.read("/srv/file/a"), "a\n");
    assert.equal((await boot({ "/etc/new.d": "file\n" })).code, 0);
    assert.equal(await machine.read("/etc/new.d"), "file\n");
    const back = await machine.run("readlink /srv/link; cat /srv/file");
    assert.equal(back.stdout, "mine\nmine\n");
    assert.equal((await boot({ "/etc/new.d/a": "a\n" })).code, 0);
    assert.equal(await machine.read("/etc/new.d/a"), "a\n");

    // What somebody else has put there is not Drover's.
    await machine.run("echo mine >/etc/new.d/b");
    const refused = await boot({ "/etc/new.d": "file\n" });
    assert.equal(refused.code, 3);
    assert.match(refused.stderr, /\/etc\/new\.d is a folder here, and a file in bundle/);
    assert.equal(await machine.read("/etc/new.d/a"), "a\n");
    assert.equal((await boot({ "/etc/x": "x\n" })).code, 0);
    assert.equal((await machine.run("cd /etc/new.d && ls")).stdout, "b\n");
  });

  it("accepts no channel older than one that it has seen, nor another one with its serial", async (context) => {
    const pool = await makePool(context, cloud);
    const { sha256: current } = await pool.publish({ files: { "/etc/a": "1\n" } });
    const sign = (serial: number, candidate?: string) =>
      pool.bucket.put(
        "channels/workers",
        buildChannel(pool.key.privateKey, { serial, current, candidate }),
      );
    await sign(50);
    assert.equal((await pool.pull("boot")).code, 0);
    await sign(49);
    const old = await pool.pull("boot");
    assert.match(old.stderr, /has serial 49, and this machine has seen 50/);
    assert.equal((await pool.report())["state"], "kept");
    await sign(50, "c".repeat(64));
    assert.match(
      (await pool.pull("boot")).stderr,
      /has serial 50 as before, with something else in it/,
    );
    await sign(51);
    assert.equal((await pool.pull("boot")).code, 0);
  });
});
