import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { packMachineScripts } from "../../../infra/machine-user-data.ts";
import type { ResourceRequest } from "../../../lambdas/deploy/custom-resource.ts";
import { createHandler } from "../../../lambdas/deploy/prepare-store.ts";
import { scriptsFile } from "../../../lambdas/deploy/scripts-file.ts";
import { createKms } from "../../../rehearsal/emulators/kms.ts";
import { isS3Host } from "../../../rehearsal/emulators/s3/address.ts";
import { createS3 } from "../../../rehearsal/emulators/s3/s3.ts";
import { seededBy } from "../../../rehearsal/random.ts";
import { serveInProcess } from "../../../rehearsal/wire.ts";
import { isolateSdk } from "../../../rehearsal/world/sdk-environment.ts";
import { type Answer, type CloudFormation, startCloudFormation } from "./cloud-formation.ts";

const folder = mkdtempSync(join(tmpdir(), "drover-prepare-"));
const { sha256, archive } = packMachineScripts();
let putBack: () => void;
let cloudFormation: CloudFormation;
before(async () => {
  putBack = isolateSdk();
  writeFileSync(join(folder, scriptsFile), archive);
  cloudFormation = await startCloudFormation();
});
after(() => {
  putBack();
  cloudFormation.end();
  rmSync(folder, { recursive: true });
});

/** AWS, and the function in it. */
const place = () => {
  let now = 0;
  const s3 = createS3({ now: () => now, random: seededBy(1, "s3") });
  const kms = createKms({ random: seededBy(1, "kms") });
  s3.createBucket("bundles", { versioned: true });
  const keys = [kms.createKey(), kms.createKey()];
  const clock = {
    now: () => now,
    sleep: async (milliseconds: number) => {
      now += milliseconds;
    },
  };
  let deniedUntil = 0;
  const denied = () => {
    const body = "<Error><Code>AccessDenied</Code><Message>not yet</Message></Error>";
    return now < deniedUntil ? new Response(body, { status: 403 }) : undefined;
  };
  const aws = serveInProcess(
    (request) =>
      isS3Host(new URL(request.url).hostname)
        ? Promise.resolve(denied()).then((refusal) => refusal ?? s3.service(request))
        : kms.service(request),
    { clock },
  );
  const handler = createHandler({
    env: { AWS_REGION: "eu-west-1", LAMBDA_TASK_ROOT: folder },
    clock,
    random: Math.random,
    awsHandler: aws,
    connect: () => assert.fail(),
    write: () => undefined,
  });
  const ask = async (
    properties: Readonly<Record<string, unknown>> = {},
    request: Partial<ResourceRequest> = {},
  ): Promise<Answer> => {
    await handler({
      RequestType: "Create",
      ResponseURL: cloudFormation.url,
      StackId: "stack",
      RequestId: "request",
      LogicalResourceId: "Prepared",
      ResourceProperties: {
        ServiceToken: "arn",
        ServiceTimeout: "900",
        Bucket: "bundles",
        Keys: keys,
        Scripts: sha256,
        ...properties,
      },
      ...request,
    });
    return cloudFormation.last().answer;
  };
  return {
    s3,
    kms,
    keys,
    ask,
    denyFor: (milliseconds: number) => {
      deniedUntil = now + milliseconds;
    },
    elapsed: () => now,
  };
};

describe("a store that is deployed", () => {
  it("has the scripts of machines under their digest, and tells the public keys", async () => {
    const { s3, kms, keys, ask } = place();
    const answer = await ask();
    assert.equal(answer.Status, "SUCCESS", answer.Reason);
    const stored = s3.get("bundles", `binaries/${sha256}`)?.content.bytes ?? new Uint8Array();
    assert.ok(Buffer.from(stored).equals(archive));
    assert.deepEqual(answer.Data, {
      Scripts: sha256,
      PublicKeys: keys
        .map((key) => kms.publicKey(key))
        .join("")
        .trim(),
    });
    const keyBlock = "-----BEGIN PUBLIC KEY-----\n[^-]+-----END PUBLIC KEY-----";
    assert.match(answer.Data["PublicKeys"] ?? "", new RegExp(`^${keyBlock}\n${keyBlock}$`));
  });

  it("may have them already, as when the deployment is repeated", async () => {
    const { s3, ask } = place();
    const first = await ask();
    const again = await ask({}, { RequestType: "Update", PhysicalResourceId: "Prepared" });
    assert.deepEqual(again, first);
    assert.equal(s3.objects("bundles").length, 1);
  });

  it("is waited for while its function's grants arrive", async () => {
    const { ask, denyFor, elapsed } = place();
    denyFor(30_000);
    const answer = await ask();
    assert.equal(answer.Status, "SUCCESS", answer.Reason);
    assert.ok(elapsed() >= 30_000);
  });

  it("fails with the reason when they do not", async () => {
    const { ask, denyFor, elapsed } = place();
    denyFor(3_600_000);
    const answer = await ask();
    assert.equal(answer.Status, "FAILED");
    assert.match(answer.Reason ?? "", /^AccessDenied/);
    assert.ok(elapsed() <= 90_000);
  });

  it("fails at once when user data names other scripts", async () => {
    const { ask, s3 } = place();
    const answer = await ask({ Scripts: "0".repeat(64) });
    assert.equal(answer.Status, "FAILED");
    assert.match(
      answer.Reason ?? "",
      /scripts in this function have the digest .*build Drover again/,
    );
    assert.deepEqual(s3.objects("bundles"), []);
  });

  it("fails with all that is wrong with what it is told", async () => {
    const { ask } = place();
    const { Status, Reason = "" } = await ask({ Bucket: 7, Keys: [], Other: "x" });
    assert.equal(Status, "FAILED");
    for (const field of ["Bucket", "Keys", "Other"]) assert.match(Reason, new RegExp(field));
  });

  it("loses nothing when the stack is deleted", async () => {
    const { ask, s3 } = place();
    await ask();
    const answer = await ask({ Bucket: "gone" }, { RequestType: "Delete" });
    assert.equal(answer.Status, "SUCCESS");
    assert.equal(s3.objects("bundles").length, 1);
  });
});

describe("the answer to CloudFormation", () => {
  it("has no content type, which would be part of the signature of its address", async () => {
    await place().ask();
    const { request } = cloudFormation.last();
    assert.equal(request.method, "PUT");
    assert.equal(request.url, "/answer?signature=1");
    assert.equal(request.headers["content-type"], undefined);
  });

  it("keeps the name of the resource, so that nothing is replaced", async () => {
    const { ask } = place();
    assert.equal((await ask()).PhysicalResourceId, "Prepared");
    const update = { RequestType: "Update", PhysicalResourceId: "before" } as const;
    assert.equal((await ask({}, update)).PhysicalResourceId, "before");
    assert.equal((await ask({ Keys: [] }, update)).PhysicalResourceId, "before");
  });

  it("is an error when it is not taken, so that Lambda begins again", async () => {
    cloudFormation.take(false);
    try {
      await assert.rejects(place().ask(), /did not take the answer: 403/);
    } finally {
      cloudFormation.take(true);
    }
  });
});
