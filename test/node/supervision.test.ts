import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { waitFor } from "../../rehearsal/agents/polling.ts";
import type { Cloud } from "./world/cloud.ts";
import { chooseLoopback, startNameServer } from "./world/dns.ts";
import { readExample, replaceAll } from "./world/example.ts";
import { makePool, type Pool, startCloud } from "./world/pool.ts";
import { openrc } from "./world/toys.ts";

let cloud: Cloud;
before(async () => {
  cloud = await startCloud();
});
after(() => cloud.close());

/** Notes when it starts and what it is sent; ends by nothing but KILL. */
const deaf = `#!/bin/sh
note() { echo "$1 $(cut -d' ' -f1 /proc/uptime)" >>/var/log/deaf; }
note start
trap 'note int' INT
trap 'note term' TERM
while :; do sleep 0.05; done
`;

/** With what the example's services have, in shorter times. */
const script = `#!/sbin/openrc-run
supervisor=supervise-daemon
command=/usr/local/bin/deaf
pidfile=/run/deaf.pid
respawn_delay=1
respawn_max=2
respawn_period=60
retry="INT/2/TERM/1/KILL/2"
healthcheck_delay=1
healthcheck_timer=1
healthcheck() { [ ! -e /run/hangs ]; }
`;

/** What it noted, with the seconds since the machine was on. */
const readNotes = async ({ machine }: Pool): Promise<(readonly [string, number])[]> => {
  const text = await machine.read("/var/log/deaf");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [what = "", seconds] = line.split(" ");
      return [what, Number(seconds)] as const;
    });
};

const killChild = async ({ machine }: Pool, service: string): Promise<void> => {
  const { code, stderr } = await machine.run(
    `kill -9 $(cat /run/openrc/options/${service}/child_pid)`,
  );
  assert.equal(code, 0, stderr);
};

const findStatus = async ({ machine }: Pool): Promise<string> =>
  (await machine.run("rc-service deaf status")).stdout;

const atOnce = { concurrency: true };

describe("supervised services", atOnce, () => {
  const startDeaf = async (context: Parameters<typeof makePool>[0]): Promise<Pool> => {
    const pool = await makePool(context, cloud, { init: openrc });
    await pool.publish({
      files: { "/usr/local/bin/deaf": deaf, "/etc/init.d/deaf": script },
      description: {
        files: [
          { path: "/usr/local/bin/deaf", mode: "0755" },
          { path: "/etc/init.d/deaf", mode: "0755" },
        ],
        services: [{ name: "deaf" }],
      },
    });
    const done = await pool.pull("boot");
    assert.equal(done.code, 0, done.stderr);
    return pool;
  };

  it("come back after a crash, and are given up when they crash all the time", async (context) => {
    const pool = await startDeaf(context);
    for (let starts = 1; starts <= 2; starts += 1) {
      await killChild(pool, "deaf");
      await waitFor(
        "it to be started again",
        async () => (await readNotes(pool)).length === starts + 1,
      );
    }
    const times = (await readNotes(pool)).map(([, seconds]) => seconds);
    assert.ok(times[1]! - times[0]! >= 1 && times[2]! - times[1]! >= 1, `delays: ${times.join()}`);
    await killChild(pool, "deaf");
    await waitFor("it to be given up", async () => (await findStatus(pool)).includes("stopped"));
    assert.equal((await readNotes(pool)).length, 3);
    const verified = await pool.pull("verify");
    assert.deepEqual([verified.code, verified.stdout], [1, "service deaf: it has stopped\n"]);
  });

  it("are started again when they live and do not pass their check", async (context) => {
    const pool = await startDeaf(context);
    await pool.machine.run("touch /run/hangs");
    await waitFor(
      "it to be started again",
      async () => (await readNotes(pool)).filter(([what]) => what === "start").length > 1,
    );
    await pool.machine.run("rm /run/hangs");
    await waitFor("it to be well", async () => (await pool.pull("verify")).code === 0);
  });

  it("are stopped with the signals of their schedule, each after its time", async (context) => {
    const pool = await startDeaf(context);
    const { stdout: before } = await pool.machine.run("cut -d' ' -f1 /proc/uptime");
    const stopped = await pool.machine.run("rc-service deaf stop && cut -d' ' -f1 /proc/uptime");
    assert.equal(stopped.code, 0, stopped.stderr);
    const notes = await readNotes(pool);
    assert.deepEqual(
      notes.map(([what]) => what),
      ["start", "int", "term"],
    );
    // What is noted may be noted late, and nothing is sent early.
    const began = Number(before);
    assert.ok(notes[2]![1] - began > 1.9, "TERM two seconds after INT");
    const ended = Number(stopped.stdout.trim().split("\n").at(-1));
    assert.ok(ended - began > 2.9, "KILL one second after TERM");
    await waitFor("all of it to be gone", async () => {
      const { code } = await pool.machine.run("pgrep -f '/bin/[d]eaf'");
      return code === 1;
    });
  });

  it("take new settings over by a signal: unbound answers anew with the same process", async (context) => {
    const upstream = await startNameServer("10.1.1.1");
    context.after(upstream.close);
    const pool = await makePool(context, cloud, { init: openrc });
    const address = chooseLoopback();
    const settings = replaceAll(readExample("files/etc/unbound/unbound.conf"), {
      "interface: 127.0.0.1": `interface: ${address}`,
      "169.254.169.253": `127.0.0.1@${upstream.port}`,
      "  forward-addr: fd00:ec2::253\n": "",
    });
    const publish = (conf: string) =>
      pool.publish({
        files: {
          "/etc/init.d/unbound": readExample("files/etc/init.d/unbound").replace(
            "/usr/sbin/",
            "/usr/bin/",
          ),
          "/etc/conf.d/unbound": `unbound_address=${address}\n`,
          "/etc/unbound/unbound.conf": conf,
        },
        hooks: { "make-users": readExample("hooks/make-users") },
        description: {
          files: [{ path: "/etc/init.d/unbound", mode: "0755" }],
          services: [{ name: "unbound", "on-change": "reload", watch: ["/etc/unbound/*"] }],
          hooks: { "before-switch": ["hooks/make-users"] },
        },
      });
    const findProcess = async () =>
      (await pool.machine.run("cat /run/openrc/options/unbound/child_pid")).stdout;
    const resolve = async () =>
      (await pool.machine.run(`nslookup -type=a of.reload. ${address}`)).stdout;

    await publish(settings);
    const booted = await pool.pull("boot");
    assert.equal(booted.code, 0, booted.stderr);
    await waitFor("the answer of the other server", async () =>
      (await resolve()).includes("Address: 10.1.1.1"),
    );
    const process = await findProcess();
    await publish(`${settings}server:\n  local-data: "of.reload. A 10.7.7.7"\n`);
    const followed = await pool.pull("follow");
    assert.equal(followed.code, 0, followed.stderr);
    await waitFor("its own answer", async () => (await resolve()).includes("Address: 10.7.7.7"));
    assert.equal(await findProcess(), process);
  });
});
