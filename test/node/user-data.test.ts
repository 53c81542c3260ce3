import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
  formatUserData,
  packMachineScripts,
  userDataLimit,
} from "../../infra/machine-user-data.ts";
import { type Cloud, region } from "./world/cloud.ts";
import { makePool, type Pool, startCloud } from "./world/pool.ts";
import { makeKey, publicPem } from "./world/publisher.ts";

let cloud: Cloud;
before(async () => {
  cloud = await startCloud();
});
after(() => cloud.close());

/** User data of the pool, for a machine on which nothing of Drover is. */
const makeUserData = async (pool: Pool, scripts: string): Promise<string> => {
  await pool.machine.run("rm -rf /usr/lib/drover /usr/local/bin/drover-pull");
  const text = formatUserData(
    {
      pool: "workers",
      cluster: "blue",
      bucket: pool.bucket.name,
      region,
      roleId: cloud.roleId,
      bootSeconds: 3,
    },
    publicPem(pool.key.publicKey),
    scripts,
  );
  // Where the services of AWS are here.
  const endpoints = `DROVER_IMDS_ENDPOINT=${pool.metadata.endpoint}\nDROVER_S3_ENDPOINT=${cloud.endpoint}\n`;
  return text.replace("DROVER_POOL=", `${endpoints}DROVER_POOL=`);
};

describe("user data", () => {
  it("makes a machine of an Alpine that knows nothing of Drover", async (context) => {
    const pool = await makePool(context, cloud);
    await pool.publish({ files: { "/etc/a.conf": "a\n" } });
    const { sha256, archive } = packMachineScripts();
    await pool.bucket.put(`binaries/${sha256}`, Buffer.from(archive));
    const text = await makeUserData(pool, sha256);
    const done = await pool.machine.run("sh", { stdin: text });
    assert.equal(done.code, 0, done.stderr);
    assert.equal(await pool.machine.read("/etc/a.conf"), "a\n");
    assert.equal((await pool.report())["state"], "ready");
    assert.match((await pool.pull("")).stderr, /drover-pull status {5}what runs here/);
    const again = await pool.machine.run("sh", { stdin: text });
    assert.equal(again.code, 0, again.stderr);
  });

  it("runs no scripts but those that it names", async (context) => {
    const pool = await makePool(context, cloud);
    const { sha256, archive } = packMachineScripts();
    const other = Buffer.from(archive);
    other.writeUInt8(other.readUInt8(9) ^ 1, 9);
    await pool.bucket.put(`binaries/${sha256}`, other);
    const done = await pool.machine.run("sh", { stdin: await makeUserData(pool, sha256) });
    assert.equal(done.code, 3);
    assert.match(pool.machine.console(), /refused: binaries\/.* is not what the user data names/);
    assert.equal(await pool.machine.exists("/usr/lib/drover"), false);
  });

  it("is smaller than EC2 allows, with all the values that it may have", () => {
    const word = "x".repeat(64);
    const settings = { pool: word, cluster: word, bucket: word, region: word, roleId: word };
    // As many as there may be while one is replaced.
    const keys = [makeKey(), makeKey()].map(({ publicKey }) => publicPem(publicKey));
    const text = formatUserData(settings, keys.join(""), "0".repeat(64));
    assert.ok(Buffer.byteLength(text) < userDataLimit * 0.7, String(Buffer.byteLength(text)));
  });

  it("is the same for the same scripts", () => {
    assert.equal(packMachineScripts().sha256, packMachineScripts().sha256);
  });
});
