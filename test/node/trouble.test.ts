import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import type { Cloud } from "./world/cloud.ts";
import { makePool, startCloud } from "./world/pool.ts";
import type { Source } from "./world/publisher.ts";
import { type Fault, startWire } from "./world/wire.ts";

let cloud: Cloud;
before(async () => {
  cloud = await startCloud();
});
after(() => cloud.close());

const source: Source = { files: { "/etc/a.conf": "a\n" } };
const day = 86_400;

const makeTroubledPool = async (context: TestContext, seconds = 20) => {
  const wire = await startWire(cloud.endpoint);
  context.after(wire.close);
  const pool = await makePool(context, cloud);
  const configure = (settings = {}) =>
    pool.configure({
      DROVER_S3_ENDPOINT: wire.endpoint,
      DROVER_SECRETS_ENDPOINT: wire.endpoint,
      DROVER_SSM_ENDPOINT: wire.endpoint,
      DROVER_BOOT_SECONDS: String(seconds),
      ...settings,
    });
  configure();
  return { ...pool, wire, configure };
};

// What passes by itself: on the way to each object, more than once.
const passing: readonly (readonly [string, Fault])[] = [
  ["500", { kind: "answer", status: 500, code: "InternalError" }],
  ["503", { kind: "answer", status: 503, code: "SlowDown" }],
  [
    "403, before the role has arrived everywhere",
    { kind: "answer", status: 403, code: "AccessDenied" },
  ],
  ["403, with credentials that have ended", { kind: "answer", status: 403, code: "ExpiredToken" }],
  ["half an answer", { kind: "cut" }],
  ["no answer", { kind: "silence" }],
  ["an answer that is too slow", { kind: "trickle" }],
];

describe("trouble on the way", { concurrency: 4 }, () => {
  for (const [what, fault] of passing) {
    it(`passes: ${what}`, async (context) => {
      const pool = await makeTroubledPool(context);
      await pool.publish(source);
      const waits = fault.kind === "silence" || fault.kind === "trickle";
      const often = waits ? 1 : 2;
      pool.wire.fault = ({ method, key }, times) =>
        times <= often &&
        !(fault.kind === "cut" && method === "PUT") &&
        !(waits && key !== "channels/workers")
          ? fault
          : undefined;
      const done = await pool.pull("boot");
      assert.equal(done.code, 0, done.stderr);
      assert.equal(await pool.machine.read("/etc/a.conf"), "a\n");
      assert.equal((await pool.report())["state"], "ready");
      assert.match(
        done.stderr,
        /channels\/workers in drover-bundles-\d+: .*; trying again, for at most \d+ s/,
      );
    });
  }

  it("is none of what is not there: that is told at once", async (context) => {
    const pool = await makeTroubledPool(context);
    await pool.publish(source);
    for (const missing of ["manifest", "manifest.sig", "tar.gz"]) {
      pool.wire.fault = ({ key }) =>
        key.endsWith(`.${missing}`)
          ? { kind: "answer", status: 404, code: "NoSuchKey" }
          : undefined;
      const done = await pool.pull("boot");
      assert.equal(done.code, 3, done.stderr);
      assert.match(
        (await pool.report())["reason"] ?? "",
        new RegExp(`bundles/workers/[0-9a-f]{64}\\.${missing}: answered 404 NoSuchKey`),
      );
    }
  });

  it("that does not pass fails the boot in its time, with the reason", async (context) => {
    const pool = await makeTroubledPool(context, 3);
    await pool.publish(source);
    pool.wire.fault = ({ method }) =>
      method === "GET" ? { kind: "answer", status: 503, code: "SlowDown" } : undefined;
    const done = await pool.pull("boot");
    assert.equal(done.code, 4, done.stderr);
    const why = /gave up: channels\/workers in .*: answered 503 SlowDown, for \d+ s/;
    const report = await pool.report();
    assert.equal(report["state"], "failed");
    assert.match(report["reason"] ?? "", why);
    assert.match(pool.machine.console(), why);
    // Waiting longer each time: a few requests, and not a storm.
    assert.ok(pool.wire.asked.length < 12, String(pool.wire.asked.length));
  });

  it("is a reason, even when the report cannot be sent either", async (context) => {
    const pool = await makeTroubledPool(context, 1);
    await pool.publish(source);
    await pool.wire.close();
    const done = await pool.pull("boot");
    assert.equal(done.code, 4, done.stderr);
    assert.match(pool.machine.console(), /gave up: channels\/workers in .*: no connection/);
    assert.match(pool.machine.console(), /the report could not be sent/);
  });

  it("lets a machine that has a bundle go on with it", async (context) => {
    const pool = await makeTroubledPool(context);
    const { sha256 } = await pool.publish(source);
    assert.equal((await pool.pull("boot")).code, 0);
    pool.configure({ DROVER_BOOT_SECONDS: "2" });
    await pool.publish({ files: { "/etc/a.conf": "new\n" } });
    await pool.machine.cutPower();
    await pool.machine.turnOn();
    pool.wire.fault = ({ method }) =>
      method === "GET" ? { kind: "answer", status: 503, code: "SlowDown" } : undefined;

    const done = await pool.pull("boot");

    assert.equal(done.code, 4, done.stderr);
    assert.equal(await pool.machine.read("/etc/a.conf"), "a\n");
    const report = await pool.report();
    assert.deepEqual([report["state"], report["bundle"], report["serial"]], ["kept", sha256, "42"]);
    assert.match(report["reason"] ?? "", /answered 503 SlowDown/);
  });

  it("lets a machine go on with the secrets that it has in memory", async (context) => {
    const pool = await makeTroubledPool(context);
    const id = `/drover/${pool.bucket.name}/token`;
    await cloud.putParameter(id, "value");
    const bundle = {
      ...source,
      description: { secrets: [{ name: "token", from: "ssm" as const, id }] },
    };
    await pool.publish(bundle);
    assert.equal((await pool.pull("boot")).code, 0);
    pool.configure({ DROVER_BOOT_SECONDS: "2" });
    pool.wire.fault = ({ method }) =>
      method === "PUT" ? undefined : { kind: "answer", status: 503, code: "SlowDown" };
    const done = await pool.pull("follow");
    assert.equal(done.code, 4, done.stderr);
    assert.equal((await pool.report())["state"], "kept");
    assert.equal(await pool.machine.read("/run/drover/secrets/token"), "value");

    // After a boot they are nowhere.
    await pool.machine.cutPower();
    await pool.machine.turnOn();
    assert.equal((await pool.pull("boot")).code, 4);
    const report = await pool.report();
    assert.equal(report["state"], "failed");
    assert.match(report["reason"] ?? "", /secret .*: answered 503 SlowDown/);
  });

  it("from a clock that is off by a day is corrected for", async (context) => {
    for (const ahead of [day, -day]) {
      const pool = await makeTroubledPool(context);
      await cloud.putParameter(`/drover/parameter${ahead}`, "value");
      await pool.publish({
        ...source,
        description: {
          secrets: [{ name: "parameter", from: "ssm", id: `/drover/parameter${ahead}` }],
        },
      });
      pool.wire.ahead = ahead;
      const done = await pool.pull("boot");
      assert.equal(done.code, 0, done.stderr);
      const told = done.stderr.match(/RequestTimeTooSkewed: the clock is off by -?\d+ s/g);
      assert.equal(told?.length, 1, done.stderr);
      const reported = Date.parse((await pool.report())["time"] ?? "") - Date.now();
      assert.ok(Math.abs(reported - ahead * 1000) < 600_000, String(reported));
      assert.equal(await pool.machine.read("/run/drover/secrets/parameter"), "value");
    }
  });

  it("with instance metadata that comes late", async (context) => {
    const pool = await makeTroubledPool(context);
    await pool.publish(source);
    pool.metadata.sleepsFor = 4;
    const done = await pool.pull("boot");
    assert.equal(done.code, 0, done.stderr);
    assert.match(done.stderr, /role credentials: answered 503; trying again/);
  });

  it("with a machine that has no role", async (context) => {
    const pool = await makeTroubledPool(context, 1);
    await pool.publish(source);
    pool.metadata.values.set("iam/security-credentials/", "");
    const done = await pool.pull("boot");
    assert.equal(done.code, 4, done.stderr);
    assert.match(done.stderr, /names no role: has the machine an instance profile\?/);
  });
});

describe("secrets and credentials", () => {
  it("are in no argument of any process, no log and no file of the disk", async (context) => {
    const pool = await makeTroubledPool(context);
    const secret = "a-secret-of-the-pool";
    await cloud.putSecret("drover/workers/token", Buffer.from(`${secret}\0\xff`, "latin1"));
    await pool.publish({
      ...source,
      description: {
        secrets: [{ name: "token", from: "secretsmanager", id: "drover/workers/token" }],
      },
    });
    // Every program that is run notes its arguments and its environment.
    await pool.machine
      .run(`mkdir /spy && cd /spy && for tool in curl openssl awk sed cat head tail od date printf grep mv chown chmod tr find sort; do
      real=$(command -v $tool)
      printf '#!/bin/sh\\n{ echo "$0 $*"; env; } >>/spied\\nexec -a %s %s "$@"\\n' $tool $real >$tool
      chmod +x $tool
    done; sed -i 's#PATH=#PATH=/spy:#' /usr/lib/drover/drover-pull`);
    const done = await pool.pull("boot");
    assert.equal(done.code, 0, done.stderr);
    assert.equal(
      await pool.machine.run("head -c 20 /run/drover/secrets/token").then(({ stdout }) => stdout),
      secret,
    );
    const spied = await pool.machine.run(
      "cat /spied; find /var /etc /tmp -xdev -type f -exec cat {} +",
    );
    const said =
      spied.stdout +
      done.stdout +
      done.stderr +
      pool.machine.console() +
      JSON.stringify(await pool.report());
    assert.match(said, /curl --config -/);
    for (const word of [secret, cloud.session.secretAccessKey, cloud.session.sessionToken])
      assert.ok(!said.includes(word), word);
    const left = await pool.machine.run("ls -A /run/drover; stat -c '%a %n' /run/drover/secrets/*");
    assert.deepEqual(left.stdout.trimEnd().split("\n"), [
      "lock",
      "report",
      "secrets",
      "600 /run/drover/secrets/token",
    ]);
  });
});
