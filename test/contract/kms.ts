import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash, createPublicKey, verify } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  GetPublicKeyCommand,
  type KMSClient,
  SignCommand,
  type SignCommandInput,
  VerifyCommand,
} from "@aws-sdk/client-kms";

import type { ServiceCase } from "./services.ts";

export interface KmsTarget {
  readonly client: KMSClient;
  /**
   * Makes a key of the kind ECC_NIST_P256 for SIGN_VERIFY.
   *
   * @returns its ARN
   */
  createKey(): Promise<string>;
  /** @returns an alias of a key that no other has, with `alias/` before it */
  createAlias(keyId: string): Promise<string>;
  disable(keyId: string): Promise<void>;
  scheduleDeletion(keyId: string): Promise<void>;
}

const reference = "AWS KMS API Reference";
const states = 'AWS KMS Developer Guide, "Key states of AWS KMS keys"';

const SigningAlgorithm = "ECDSA_SHA_256" as const;

const sha256 = (text: string): Buffer => createHash("sha256").update(text).digest();

const idOf = (arn: string): string => arn.slice(arn.lastIndexOf("/") + 1);

const sign = async (
  { client }: KmsTarget,
  KeyId: string,
  Message: Uint8Array,
  MessageType: SignCommandInput["MessageType"],
): Promise<Buffer> => {
  const answer = await client.send(
    new SignCommand({ KeyId, Message, MessageType, SigningAlgorithm }),
  );
  assert.equal(answer.SigningAlgorithm, SigningAlgorithm);
  return Buffer.from(answer.Signature ?? []);
};

const publicKeyOf = async ({ client }: KmsTarget, KeyId: string): Promise<string> => {
  const { PublicKey = new Uint8Array() } = await client.send(new GetPublicKeyCommand({ KeyId }));
  return createPublicKey({ key: Buffer.from(PublicKey), format: "der", type: "spki" })
    .export({ format: "pem", type: "spki" })
    .toString();
};

/** Asks `openssl dgst -sha256 -verify`, as a machine does. */
const isVerified = async (key: string, text: string, signature: Uint8Array): Promise<boolean> => {
  const folder = await mkdtemp(join(tmpdir(), "drover-kms-"));
  const file = async (name: string, content: string | Uint8Array): Promise<string> => {
    await writeFile(join(folder, name), content);
    return join(folder, name);
  };
  try {
    const { status, stdout } = spawnSync(
      "openssl",
      [
        ..."dgst -sha256 -verify".split(" "),
        await file("key.pem", key),
        "-signature",
        await file("signature", signature),
        await file("text", text),
      ],
      { encoding: "utf8" },
    );
    assert.match(stdout, status === 0 ? /^Verified OK/ : /^Verification failure/i);
    return status === 0;
  } finally {
    await rm(folder, { recursive: true });
  }
};

export const kmsContract: readonly ServiceCase<KmsTarget>[] = [
  {
    title: "a signature over a digest is one over the text, for openssl too",
    source: `${reference}, Sign, MessageType (DIGEST is not hashed again), Signature (DER)`,
    async run(target) {
      const key = await target.createKey();
      // Longer than a message may be.
      const text = "drover-channel 1\n".repeat(1000);
      const signature = await sign(target, key, sha256(text), "DIGEST");
      const publicKey = await publicKeyOf(target, key);
      assert.equal(await isVerified(publicKey, text, signature), true);
      assert.equal(await isVerified(publicKey, `${text} `, signature), false);
      const other = await publicKeyOf(target, await target.createKey());
      assert.equal(verify("sha256", Buffer.from(text), other, signature), false);
    },
  },
  {
    title: "a message is hashed when it is none already",
    source: `${reference}, Sign, MessageType (RAW, the default)`,
    async run(target) {
      const key = await target.createKey();
      const publicKey = await publicKeyOf(target, key);
      for (const type of ["RAW", undefined] as const) {
        const signature = await sign(target, key, Buffer.from("text"), type);
        assert.ok(verify("sha256", Buffer.from("text"), publicKey, signature));
      }
    },
  },
  {
    title: "a digest has 32 bytes",
    source: `${reference}, Sign, MessageType ("the digest must be 32 bytes")`,
    async run(target) {
      const key = await target.createKey();
      for (const bytes of [1, 31, 33, 64])
        await assert.rejects(sign(target, key, Buffer.alloc(bytes, 1), "DIGEST"), {
          name: "ValidationException",
        });
    },
  },
  {
    title: "a message has at most 4,096 bytes",
    source: `${reference}, Sign, Message`,
    async run(target) {
      const key = await target.createKey();
      await sign(target, key, Buffer.alloc(4096, 1), "RAW");
      await assert.rejects(sign(target, key, Buffer.alloc(4097, 1), "RAW"), {
        name: "ValidationException",
      });
    },
  },
  {
    title: "the public key comes with its kind and what it is for",
    source: `${reference}, GetPublicKey (DER-encoded X.509 public key, SubjectPublicKeyInfo)`,
    async run(target) {
      const KeyId = await target.createKey();
      const found = await target.client.send(new GetPublicKeyCommand({ KeyId }));
      assert.deepEqual(
        [found.KeyId, found.KeySpec, found.KeyUsage, found.SigningAlgorithms],
        [KeyId, "ECC_NIST_P256", "SIGN_VERIFY", [SigningAlgorithm]],
      );
      assert.deepEqual(createPublicKey(await publicKeyOf(target, KeyId)).asymmetricKeyDetails, {
        namedCurve: "prime256v1",
      });
    },
  },
  {
    title: "a key is known by its id, its ARN and its aliases, and answers with its ARN",
    source: `${reference}, Sign, KeyId`,
    async run(target) {
      const key = await target.createKey();
      const alias = await target.createAlias(key);
      const ofAlias = `${key.slice(0, key.indexOf("key/"))}${alias}`;
      for (const KeyId of [key, idOf(key), alias, ofAlias]) {
        const Message = sha256("text");
        const answer = await target.client.send(
          new SignCommand({ KeyId, Message, MessageType: "DIGEST", SigningAlgorithm }),
        );
        assert.equal(answer.KeyId, key);
      }
    },
  },
  {
    title: "a key that is not there is not found, nor is an alias",
    source: `${reference}, Sign, errors (NotFoundException)`,
    async run(target) {
      const key = await target.createKey();
      const unknown = "00000000-0000-4000-8000-000000000000";
      for (const KeyId of [unknown, key.replace(idOf(key), unknown), "alias/drover-none"]) {
        const absent = { name: "NotFoundException" };
        await assert.rejects(sign(target, KeyId, sha256("text"), "DIGEST"), absent);
        await assert.rejects(publicKeyOf(target, KeyId), absent);
      }
    },
  },
  {
    title: "a key that is disabled is of no use",
    source: `${states}; ${reference}, Sign, GetPublicKey (DisabledException)`,
    async run(target) {
      const key = await target.createKey();
      await target.disable(key);
      const disabled = { name: "DisabledException", message: `${key} is disabled.` };
      await assert.rejects(sign(target, key, sha256("text"), "DIGEST"), disabled);
      await assert.rejects(publicKeyOf(target, key), disabled);
    },
  },
  {
    title: "a key that is to be deleted is of no use",
    source: `${states}; ${reference}, Sign, errors (KMSInvalidStateException)`,
    async run(target) {
      const key = await target.createKey();
      await target.scheduleDeletion(key);
      await assert.rejects(sign(target, key, sha256("text"), "DIGEST"), {
        name: "KMSInvalidStateException",
        message: `${key} is pending deletion.`,
      });
    },
  },
  {
    title: "a key signs by the algorithm of its kind alone",
    source: `${reference}, Sign, errors (InvalidKeyUsageException)`,
    async run(target) {
      const input = { KeyId: await target.createKey(), Message: sha256("text") };
      for (const other of ["ECDSA_SHA_384", "RSASSA_PSS_SHA_256"] as const)
        await assert.rejects(
          target.client.send(
            new SignCommand({ ...input, MessageType: "DIGEST", SigningAlgorithm: other }),
          ),
          { name: "InvalidKeyUsageException" },
        );
    },
  },
  {
    title: "a signature is verified over the same text and no other",
    source: `${reference}, Verify (KMSInvalidSignatureException)`,
    async run(target) {
      const { client } = target;
      const KeyId = await target.createKey();
      const Signature = await sign(target, KeyId, sha256("text"), "DIGEST");
      const ask = (Message: Uint8Array, MessageType: "RAW" | "DIGEST") =>
        client.send(
          new VerifyCommand({ KeyId, Message, MessageType, Signature, SigningAlgorithm }),
        );
      const right = [
        [sha256("text"), "DIGEST"],
        [Buffer.from("text"), "RAW"],
      ] as const;
      for (const [said, type] of right)
        assert.partialDeepStrictEqual(await ask(said, type), { KeyId, SignatureValid: true });
      const wrong = [
        [sha256("test"), "DIGEST"],
        [Buffer.from("test"), "RAW"],
      ] as const;
      for (const [said, type] of wrong)
        await assert.rejects(ask(said, type), { name: "KMSInvalidSignatureException" });
    },
  },
];
