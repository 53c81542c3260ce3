import assert from "node:assert/strict";
import { createHash, verify } from "node:crypto";
import { describe, it } from "node:test";

import { KMSClient, SignCommand, VerifyCommand } from "@aws-sdk/client-kms";

import { createKms } from "../../../rehearsal/emulators/kms.ts";
import { seeded } from "../../../rehearsal/random.ts";
import { serveInProcess } from "../../../rehearsal/wire.ts";
import { createManualClock } from "./manual-clock.ts";

const SigningAlgorithm = "ECDSA_SHA_256" as const;
const text = "drover-manifest 1\n";

const world = (seed: number) => {
  const kms = createKms({ random: seeded(seed) });
  const client = new KMSClient({
    region: "eu-west-1",
    credentials: { accessKeyId: "key", secretAccessKey: "secret" },
    requestHandler: serveInProcess(kms.service, { clock: createManualClock() }),
    maxAttempts: 1,
  });
  const sign = async (KeyId: string): Promise<Buffer> => {
    const Message = createHash("sha256").update(text).digest();
    const { Signature } = await client.send(
      new SignCommand({ KeyId, Message, MessageType: "DIGEST", SigningAlgorithm }),
    );
    return Buffer.from(Signature ?? []);
  };
  return { kms, client, sign };
};

describe("KMS", () => {
  it("signs in the same way for the same seed, and in another for another", async () => {
    const signatures = await Promise.all(
      [1, 1, 2].map(async (seed) => {
        const { kms, sign } = world(seed);
        return (await sign(kms.createKey())).toString("hex");
      }),
    );
    assert.equal(signatures[0], signatures[1]);
    assert.notEqual(signatures[0], signatures[2]);
  });

  it("makes each key another one, and each with the id that it is given", async () => {
    const { kms, sign } = world(1);
    const given = kms.createKey("11111111-2222-4333-8444-555555555555");
    const made = kms.createKey();
    assert.equal(
      given,
      "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-4333-8444-555555555555",
    );
    assert.notEqual(kms.publicKey(given), kms.publicKey(made));
    const signature = await sign(given);
    const isOf = (arn: string) =>
      verify("sha256", Buffer.from(text), kms.publicKey(arn), signature);
    assert.deepEqual([isOf(given), isOf(made)], [true, false]);
    assert.throws(() => kms.createKey("11111111-2222-4333-8444-555555555555"), /there is a key/);
    assert.throws(() => kms.createAlias("bundles", given), /does not begin with alias/);
  });

  it("signs again once a key is enabled again", async () => {
    const { kms, sign } = world(1);
    const key = kms.createKey();
    kms.disable(key);
    await assert.rejects(sign(key), { name: "DisabledException" });
    kms.enable(key);
    assert.ok((await sign(key)).length > 60);
  });

  it("takes what is no signature at all for a wrong one", async () => {
    const { kms, client } = world(1);
    const KeyId = kms.createKey();
    for (const MessageType of ["DIGEST", "RAW"] as const)
      await assert.rejects(
        client.send(
          new VerifyCommand({
            KeyId,
            Message: Buffer.alloc(32, 1),
            MessageType,
            Signature: Buffer.from("no DER"),
            SigningAlgorithm,
          }),
        ),
        { name: "KMSInvalidSignatureException" },
      );
  });
});
