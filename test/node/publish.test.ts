import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { App, Stack } from "aws-cdk-lib";
import { publisherStatements } from "../../infra/bundle-grants.ts";
import { bundleKeyClient } from "../../lambdas/clients/bundle-key.ts";
import { bundlePlaceParameter } from "../../lambdas/config/bundle-place.ts";
import { type LocalKms, startLocalKms } from "../contract/local-kms/server.ts";
import { type Cloud, region } from "./world/cloud.ts";
import type { RoleSession } from "./world/metadata.ts";
import { makePool, type Pool, startCloud } from "./world/pool.ts";
import { layOut } from "./world/publisher.ts";

/** The command as a person runs it, against the servers from which a machine boots. */

let cloud: Cloud;
let kms: LocalKms;
before(async () => {
  [cloud, kms] = await Promise.all([startCloud(), startLocalKms()]);
});
after(() => Promise.all([cloud.close(), kms.close()]));

/**
 * What `grantPublisher` gives for one pool. Of these servers the one of S3 evaluates it, that of SSM
 * its actions alone, and that of KMS takes anybody; and of STS it wants what AWS gives to everybody.
 */
const grantedTo = (pool: string, bucket: string, key: string): readonly unknown[] => {
  const app = new App({ context: { "@aws-cdk/core:enablePartitionLiterals": true } });
  const scope = new Stack(app, "Publisher", { env: { region, account: "123456789012" } });
  const bucketArn = `arn:aws:s3:::${bucket}`;
  const store = { scope, cluster: "default", bucketArn, key, trustedKeys: [key] };
  const statements = publisherStatements(store, pool).map(
    (statement) => scope.resolve(statement.toStatementJson()) as Record<string, unknown>,
  );
  const lacking = { Effect: "Allow", Action: ["sts:GetCallerIdentity"], Resource: "*" };
  return [
    ...statements.map((statement) =>
      statement["Action"] === "ssm:GetParameter" ? { ...statement, Resource: "*" } : statement,
    ),
    lacking,
  ];
};

const run = async (session: RoleSession, args: readonly string[]) => {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, "..", "..", "cli", "drover.ts"), ...args],
    {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: process.env["PATH"],
        HOME: "/nonexistent",
        AWS_REGION: region,
        AWS_ACCESS_KEY_ID: session.accessKeyId,
        AWS_SECRET_ACCESS_KEY: session.secretAccessKey,
        AWS_SESSION_TOKEN: session.sessionToken,
        AWS_ENDPOINT_URL: cloud.endpoint,
        AWS_ENDPOINT_URL_KMS: kms.settings.endpoint,
      },
    },
  );
  const [out, error, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  return { code: code as unknown, out, error };
};

/** A machine that believes a key of KMS, and a source whose publisher may sign with it. */
const makePublishedPool = async (context: Parameters<typeof makePool>[0]) => {
  const key = await kms.createKey();
  const source = mkdtempSync(join(tmpdir(), "drover-source-"));
  context.after(async () => rmSync(source, { recursive: true }));
  layOut(source, { files: { "/etc/which": "one\n" } });
  // Before the machine is on, whose requests these could be.
  const bucket = await cloud.makeBucket();
  const session = await cloud.assumeRole("publisher", grantedTo("workers", bucket.name, key));
  await cloud.putParameter(
    bundlePlaceParameter("default"),
    JSON.stringify({ bucket: bucket.name, key, trustedKeys: [key] }),
    "String",
  );
  const pool = await makePool(context, cloud);
  pool.configure({ DROVER_BUCKET: bucket.name, DROVER_SERIAL_FLOOR: "1" });
  pool.machine.write("/etc/drover/key.pem", await bundleKeyClient(kms.settings, key).publicKey());
  const drover = (command: string, ...args: readonly string[]) =>
    run(session, [command, ...args, "--pool", "workers"]);
  const fine = async (...args: Parameters<typeof drover>): Promise<string> => {
    const { code, out, error } = await drover(...args);
    assert.deepEqual([code, error], [0, ""]);
    return out;
  };
  return {
    session,
    source,
    pool,
    fine,
    json: async (...args: Parameters<typeof drover>) =>
      JSON.parse(await fine(...args, "--json")) as Record<string, unknown>,
    change: (content: string) => writeFileSync(join(source, "files/etc/which"), content),
  };
};

const boot = async ({ machine, pull }: Pool): Promise<string> => {
  const done = await pull("boot");
  assert.equal(done.code, 0, done.stderr);
  return machine.read("/etc/which");
};

describe("drover publish", () => {
  it("is what a machine boots from, forth and back", async (context) => {
    const { source, pool, session, fine, json, change } = await makePublishedPool(context);
    const first = await json("publish", source, "--promote");
    assert.equal(await boot(pool), "one\n");

    change("two\n");
    assert.match(await fine("diff", source), /\n~ files\/etc\/which .*\n(.*\n)*-one\n\+two\n/);
    const second = await json("publish", source);
    assert.notEqual(second["bundle"], first["bundle"]);
    assert.equal(await boot(pool), "one\n");
    await fine("promote");
    assert.equal(await boot(pool), "two\n");

    const { bundles, machines } = await json("bundles");
    const rows = bundles as { sha256: string; place: string; moves: { who: string }[] }[];
    assert.deepEqual(Object.fromEntries(rows.map(({ sha256, place }) => [sha256, place])), {
      [String(first["bundle"])]: "previous",
      [String(second["bundle"])]: "current",
    });
    assert.equal(rows[0]?.moves[0]?.who, "arn:aws:sts::123456789012:assumed-role/publisher/ada");
    const [runs] = machines as { state: string; bundle: string }[];
    assert.deepEqual([runs?.state, runs?.bundle], ["ready", second["bundle"]]);

    await fine("rollback");
    assert.equal(await boot(pool), "one\n");

    // Nothing but its own pool is given to it.
    const other = await run(session, ["publish", source, "--pool", "others"]);
    assert.equal(other.code, 2, other.error);
    assert.match(other.error, /the AWS credentials are not enough: .*needed are .*s3:PutObject/);
  });
});
