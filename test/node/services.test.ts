import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { waitFor } from "../../rehearsal/agents/polling.ts";
import type { Cloud } from "./world/cloud.ts";
import { makePool, type Pool, startCloud } from "./world/pool.ts";
import { openrc, toys } from "./world/toys.ts";

let cloud: Cloud;
before(async () => {
  cloud = await startCloud();
});
after(() => cloud.close());

/** What the toys did since the last time it was asked. */
const log = async ({ machine }: Pool): Promise<string[]> => {
  const { stdout } = await machine.run("cat /var/log/toys && : >/var/log/toys");
  return stdout.split("\n").filter((line) => line !== "");
};

const succeed = async (pool: Pool, words: string) => {
  const done = await pool.pull(words);
  assert.equal(done.code, 0, done.stderr);
  return done;
};

// They wait most of the time.
const atOnce = { concurrency: true };

describe("a machine with services", atOnce, () => {
  describe("the services of a bundle", atOnce, () => {
    it("are enabled, started in their order and reported, and again after a power cut", async (context) => {
      const pool = await makePool(context, cloud, { init: openrc });
      await pool.publish(toys({ zeta: "well\n", alpha: "well\n" }));
      await succeed(pool, "boot");
      assert.deepEqual(await log(pool), ["start zeta", "start alpha"]);
      const { stdout } = await pool.machine.run("rc-update show default");
      for (const name of ["alpha", "zeta", "drover"])
        assert.match(stdout, new RegExp(`\\b${name}\\b`));
      const report = await pool.report();
      assert.deepEqual([report["state"], report["service"]], ["ready", "alpha healthy"]);

      await succeed(pool, "boot");
      assert.deepEqual(await log(pool), []);

      await pool.machine.cutPower();
      await pool.machine.turnOn();
      await waitFor("the machine to report", () =>
        /^drover: ready: bundle/m.test(pool.machine.console()),
      );
      assert.deepEqual((await log(pool)).toSorted(), ["start alpha", "start zeta"]);
    });

    it("are touched only when what they watch has changed", async (context) => {
      const pool = await makePool(context, cloud, { init: openrc });
      const actions = { one: "reload", two: "restart", three: "none" } as const;
      await pool.publish(toys({ one: "1\n", two: "1\n", three: "1\n", four: "1\n" }, actions));
      await succeed(pool, "boot");
      await log(pool);

      await pool.publish(toys({ one: "2\n", two: "2\n", three: "2\n", five: "1\n" }, actions));
      await succeed(pool, "follow");
      await waitFor("the signal to be noted", async () => {
        const { stdout } = await pool.machine.run("cat /var/log/toys");
        return stdout.includes("reload one");
      });
      assert.deepEqual((await log(pool)).toSorted(), [
        "reload one",
        "start five",
        "start two",
        "stop four",
        "stop two",
      ]);
      assert.equal(await pool.machine.exists("/etc/four.conf"), false);
      assert.equal(await pool.machine.exists("/etc/runlevels/default/four"), false);
    });

    it("take over a secret that was rotated", async (context) => {
      const pool = await makePool(context, cloud, { init: openrc });
      const id = `/drover/${pool.bucket.name}/token`;
      const path = "/run/drover/secrets/token";
      await cloud.putParameter(id, "old");
      const source = toys({ one: "1\n", two: "1\n" });
      await pool.publish({
        ...source,
        description: {
          ...source.description,
          secrets: [{ name: "token", from: "ssm", id }],
          services: [{ name: "one", "on-change": "reload", watch: [path] }, { name: "two" }],
        },
      });
      await succeed(pool, "boot");
      await log(pool);
      await succeed(pool, "follow");
      assert.deepEqual(await log(pool), []);
      await cloud.putParameter(id, "new");
      await succeed(pool, "follow");
      assert.equal(await pool.machine.read(path), "new");
      assert.deepEqual(await log(pool), ["reload one"]);
    });

    for (const [illness, words] of [
      ["sick\n", /one: its check fails/],
      ["crash\n", /one: its process has died|do not stay|it has stopped/],
    ] as const) {
      it(`that are not healthy after the switch (${illness.trim()}) bring the bundle before back`, async (context) => {
        const pool = await makePool(context, cloud, { init: openrc });
        pool.configure({ DROVER_HEALTH_SECONDS: "6" });
        const good = await pool.publish(toys({ one: "well\n", two: "well\n" }));
        await succeed(pool, "boot");
        await log(pool);
        const bad = await pool.publish(toys({ one: illness, two: "well\n", three: "well\n" }));

        const done = await pool.pull("follow");

        assert.equal(done.code, 5, done.stderr);
        assert.match(done.stderr, words);
        assert.equal(await pool.machine.read("/etc/one.conf"), "well\n");
        assert.equal(await pool.machine.exists("/etc/three.conf"), false);
        const report = await pool.report();
        assert.deepEqual([report["state"], report["bundle"]], ["went-back", good.sha256]);
        assert.match(report["reason"] ?? "", words);

        // Not the same again, until there is another bundle, and by no way.
        assert.match((await pool.pull("rollback")).stderr, /was given up: drover-pull retry/);
        const again = await pool.pull("follow");
        assert.equal(again.code, 3);
        assert.match(again.stderr, new RegExp(`${bad.sha256} was given up on this machine`));
        await pool.publish(toys({ one: "better\n", two: "well\n" }));
        await succeed(pool, "follow");
        assert.equal(await pool.machine.read("/etc/one.conf"), "better\n");
      });
    }

    it("come up with the bundle before, when a new one fails while the machine boots", async (context) => {
      const pool = await makePool(context, cloud, { init: openrc });
      const good = await pool.publish(toys({ one: "well\n" }));
      await succeed(pool, "boot");
      const source = toys({ one: "new\n" });
      await pool.publish({
        ...source,
        hooks: { migrate: "#!/bin/sh\necho no way >&2\nexit 7\n" },
        description: { ...source.description, hooks: { "after-switch": ["hooks/migrate"] } },
      });
      await pool.machine.cutPower();
      await pool.machine.turnOn();
      await waitFor("the machine to report", async () => (await pool.report())["state"] === "kept");
      assert.match(pool.machine.console(), /hooks\/migrate of .* ended with 7: no way/);
      assert.match(pool.machine.console(), /drover: going back to/);
      assert.equal(await pool.machine.read("/etc/one.conf"), "well\n");
      const report = await pool.report();
      assert.deepEqual(
        [report["state"], report["bundle"], report["service"]],
        ["kept", good.sha256, "one healthy"],
      );
    });

    it("that do not come up on a fresh machine fail its boot, with the reason", async (context) => {
      const pool = await makePool(context, cloud, { init: openrc });
      pool.configure({ DROVER_HEALTH_SECONDS: "1" });
      await pool.publish(toys({ one: "sick\n" }));
      const done = await pool.pull("boot");
      assert.equal(done.code, 3, done.stderr);
      const report = await pool.report();
      assert.deepEqual(
        [report["state"], report["service"]],
        ["failed", "one its check fails: sick"],
      );
      assert.match(report["reason"] ?? "", /not healthy after 1 s: one: its check fails: sick/);
    });

    it("that lost their supervisor are told, ended and started again", async (context) => {
      const pool = await makePool(context, cloud, { init: openrc });
      await pool.publish(toys({ one: "well\n" }));
      await succeed(pool, "boot");
      await pool.machine.run("kill -9 $(cat /run/one.pid)");
      await waitFor("the supervisor to be gone", async () => {
        const { stdout } = await pool.pull("status");
        return /service {3}one: it has lost its supervisor/.test(stdout);
      });
      const verified = await pool.pull("verify");
      assert.deepEqual(
        [verified.code, verified.stdout],
        [1, "service one: it has lost its supervisor\n"],
      );

      await succeed(pool, "follow");

      // The supervisor and the one process, which forks now and then.
      await waitFor("one of each", async () => {
        const { stdout } = await pool.machine.run("pgrep -f '/usr/local/bin/toy one' | wc -l");
        return stdout.trim() === "2";
      });
      assert.equal((await pool.pull("verify")).code, 0);
    });
  });

  describe("a person on the machine", atOnce, () => {
    it("goes back to the bundle before, which stays until there is another one", async (context) => {
      const pool = await makePool(context, cloud, { init: openrc });
      const first = await pool.publish(toys({ one: "1\n" }));
      await succeed(pool, "boot");
      assert.match((await pool.pull("rollback")).stderr, /there is no bundle before this one/);
      const second = await pool.publish(toys({ one: "2\n" }));
      await succeed(pool, "follow");

      await succeed(pool, "rollback");
      assert.equal(await pool.machine.read("/etc/one.conf"), "1\n");
      assert.equal((await pool.pull("follow")).code, 3);
      const status = await succeed(pool, "status");
      assert.match(status.stdout, new RegExp(`bundle +${first.sha256}`));
      assert.match(status.stdout, new RegExp(`given up +${second.sha256}`));

      await succeed(pool, "retry");
      assert.equal(await pool.machine.read("/etc/one.conf"), "2\n");
    });

    it("can look while another run is at work, which cron leaves alone", async (context) => {
      const pool = await makePool(context, cloud);
      const { sha256 } = await pool.publish({ files: { "/etc/a.conf": "a\n" } });
      await succeed(pool, "boot");
      await pool.machine.run("flock /run/drover/lock sleep 1000 </dev/null >/dev/null 2>&1 &");
      await waitFor("the lock to be taken", async () => {
        const { code } = await pool.machine.run("flock -n /run/drover/lock true");
        return code !== 0;
      });
      assert.match((await succeed(pool, "status")).stdout, new RegExp(sha256));
      await succeed(pool, "verify");
      assert.match((await succeed(pool, "follow")).stderr, /another drover-pull is at work/);
    });

    it("is told what differs from what was signed", async (context) => {
      const pool = await makePool(context, cloud);
      await pool.publish({
        files: { "/etc/a.conf": "a\n", "/etc/b.conf": "b\n", "/etc/c.conf": "c\n" },
      });
      await succeed(pool, "boot");
      await succeed(pool, "verify");
      await pool.machine.run(
        "echo x >>/etc/a.conf; rm /etc/b.conf; echo mine >/etc/b.conf; chmod 600 $(realpath /etc/c.conf)",
      );
      const { code, stdout } = await pool.pull("verify");
      assert.equal(code, 1);
      assert.deepEqual(stdout.trimEnd().split("\n"), [
        "/etc/a.conf: was changed since it was installed",
        "/etc/c.conf: was changed since it was installed",
        "/etc/b.conf: does not lead to the bundle",
      ]);

      // What was changed is not what was signed: it is made anew.
      await succeed(pool, "boot");
      assert.equal(await pool.machine.read("/etc/a.conf"), "a\n");
      assert.equal(await pool.machine.read("/etc/b.conf"), "b\n");
      await succeed(pool, "verify");
    });
  });
});
