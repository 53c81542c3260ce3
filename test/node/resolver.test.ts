import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { waitFor } from "../../rehearsal/agents/polling.ts";
import type { Cloud } from "./world/cloud.ts";
import { chooseLoopback, startNameServer } from "./world/dns.ts";
import { readExample, replaceAll } from "./world/example.ts";
import { makePool, startCloud } from "./world/pool.ts";
import { openrc } from "./world/toys.ts";

let cloud: Cloud;
before(async () => {
  cloud = await startCloud();
});
after(() => cloud.close());

describe("the resolver of the example pool", () => {
  it("answers while any one of the servers that it asks is gone, and after its own death", async (context) => {
    const [consul, one, other] = await Promise.all(
      ["10.9.9.9", "10.1.1.1", "10.2.2.2"].map(startNameServer),
    );
    if (!consul || !one || !other) throw new Error("three servers were started");
    for (const { close } of [consul, one, other]) context.after(close);
    const { machine, publish, pull } = await makePool(context, cloud, { init: openrc });
    const address = chooseLoopback();
    const settings = replaceAll(readExample("files/etc/unbound/unbound.conf"), {
      "interface: 127.0.0.1": `interface: ${address}`,
      "127.0.0.1@8600": `127.0.0.1@${consul.port}`,
      "169.254.169.253": `127.0.0.1@${one.port}`,
      "fd00:ec2::253": `127.0.0.1@${other.port}`,
    });
    await publish({
      files: {
        "/etc/init.d/unbound": readExample("files/etc/init.d/unbound").replace(
          "/usr/sbin/",
          "/usr/bin/",
        ),
        "/etc/conf.d/unbound": `unbound_address=${address}\n`,
        "/etc/unbound/unbound.conf": settings,
      },
      hooks: { "make-users": readExample("hooks/make-users") },
      description: {
        files: [{ path: "/etc/init.d/unbound", mode: "0755" }],
        services: [{ name: "unbound", "on-change": "reload" }],
        hooks: { "before-switch": ["hooks/make-users"] },
      },
    });
    const done = await pull("boot");
    assert.equal(done.code, 0, done.stderr);

    let names = 0;
    /** A name that nobody has asked for yet. */
    const resolve = async (domain: string): Promise<string> => {
      names += 1;
      const { stdout, stderr } = await machine.run(
        `nslookup -type=a n${names}.${domain}. ${address}`,
      );
      return /^Address: (10\.[\d.]+)/m.exec(stdout)?.[1] ?? stdout + stderr;
    };
    const resolves = (domain: string, expected: RegExp) =>
      waitFor(`${domain} to resolve`, async () => expected.test(await resolve(domain)), 20_000);

    await resolves("service.consul", /^10\.9\.9\.9$/);
    await resolves("example.org", /^10\.[12]\./);
    assert.ok([...one.asked, ...other.asked].every((name) => !name.endsWith(".consul")));
    for (const [gone, left] of [
      [one, /^10\.2\.2\.2$/],
      [other, /^10\.1\.1\.1$/],
    ] as const) {
      gone.silent = true;
      await resolves("example.org", left);
      gone.silent = false;
    }
    await one.close();
    await resolves("example.org", /^10\.2\.2\.2$/);
    await consul.close();
    await resolves("example.org", /^10\.2\.2\.2$/);
    await machine.run("kill -9 $(cat /run/openrc/options/unbound/child_pid)");
    await resolves("example.org", /^10\.2\.2\.2$/);
    assert.equal((await pull("verify")).code, 0);
  });
});
