import { createPublicKey, type KeyObject, verify } from "node:crypto";

import { p256 } from "@noble/curves/nist.js";
import * as v from "valibot";

import type { Random } from "../random.ts";
import { hex, uuid } from "../random.ts";
import { AwsError, operation, serveAwsJson } from "./aws-json.ts";
import type { Service } from "./service.ts";

export interface Kms {
  readonly service: Service;
  /**
   * Makes a key of the kind ECC_NIST_P256 for SIGN_VERIFY.
   *
   * @param id - @default one that KMS makes up
   * @returns its ARN
   */
  createKey(id?: string): string;
  /** @param name - with `alias/` before it */
  createAlias(name: string, keyId: string): void;
  enable(keyId: string): void;
  disable(keyId: string): void;
  /** From now on the key is of no use, though it can still be saved. */
  scheduleDeletion(keyId: string): void;
  /** PEM, as a machine has it. */
  publicKey(keyId: string): string;
}

interface Key {
  readonly arn: string;
  readonly secret: Uint8Array;
  readonly public: KeyObject;
  state: "Enabled" | "Disabled" | "PendingDeletion";
}

const spec = "ECC_NIST_P256";
const usage = "SIGN_VERIFY";
/** Of this kind of key there is no other. Source: KMS API Reference, Sign, SigningAlgorithm. */
const algorithm = "ECDSA_SHA_256";
/** Bytes. Source: KMS API Reference, Sign, Message. */
const longestMessage = 4096;

const drawSecret = (random: Random): Uint8Array => {
  const secret = Buffer.from(hex(random, 64), "hex");
  return p256.utils.isValidSecretKey(secret) ? secret : drawSecret(random);
};

const publicOf = (secret: Uint8Array): KeyObject => {
  // A point, uncompressed: 4, x, y.
  const point = Buffer.from(p256.getPublicKey(secret, false));
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) =>
    part.toString("base64url"),
  );
  return createPublicKey({ format: "jwk", key: { kty: "EC", crv: "P-256", x, y } });
};

const message = {
  KeyId: v.string(),
  Message: v.string(),
  MessageType: v.optional(v.picklist(["RAW", "DIGEST"]), "RAW"),
  SigningAlgorithm: v.string(),
};

interface Signable {
  readonly Message: string;
  readonly MessageType: "RAW" | "DIGEST";
  readonly SigningAlgorithm: string;
}

/** @throws AwsError as Sign and Verify do for what cannot be signed by such a key */
const bytesOf = ({ Message, MessageType, SigningAlgorithm }: Signable): Buffer => {
  if (SigningAlgorithm !== algorithm)
    throw new AwsError(
      "InvalidKeyUsageException",
      `Algorithm ${SigningAlgorithm} is incompatible with key spec ${spec}.`,
    );
  const bytes = Buffer.from(Message, "base64");
  if (bytes.length < 1 || bytes.length > longestMessage)
    throw new AwsError(
      "ValidationException",
      `1 validation error detected: Value at 'message' failed to satisfy constraint: Member must have length between 1 and ${longestMessage}`,
    );
  if (MessageType === "DIGEST" && bytes.length !== 32)
    throw new AwsError(
      "ValidationException",
      `Digest is invalid length for algorithm ${algorithm}.`,
    );
  return bytes;
};

/**
 * Emulates keys of AWS KMS that sign: ECDSA on P-256. Signatures are
 * deterministic (RFC 6979), so that a rehearsal's seed decides all; those of
 * KMS are not.
 *
 * Source: AWS KMS API Reference, Sign, Verify and GetPublicKey; AWS KMS
 * Developer Guide, "Key states of AWS KMS keys" (what is answered for keys that
 * are disabled or pending deletion).
 */
export const createKms = ({
  random,
  region = "eu-west-1",
  account = "123456789012",
}: {
  readonly random: Random;
  readonly region?: string;
  readonly account?: string;
}): Kms => {
  const keys = new Map<string, Key>();
  const aliases = new Map<string, string>();
  const prefix = `arn:aws:kms:${region}:${account}:`;
  const arnOf = (id: string): string => `${prefix}key/${id}`;

  /** A key may be named by its id, its ARN, an alias or that one's ARN. */
  const find = (given: string): Key => {
    const name = given.startsWith(prefix) ? given.slice(prefix.length) : given;
    const isAlias = name.startsWith("alias/");
    const arn = isAlias ? aliases.get(name) : arnOf(name.replace(/^key\//, ""));
    if (arn === undefined)
      throw new AwsError("NotFoundException", `Alias ${prefix}${name} is not found.`);
    const key = keys.get(arn);
    if (key === undefined) throw new AwsError("NotFoundException", `Key '${arn}' does not exist`);
    return key;
  };
  const findUsable = (id: string): Key => {
    const key = find(id);
    if (key.state === "Disabled")
      throw new AwsError("DisabledException", `${key.arn} is disabled.`);
    if (key.state === "PendingDeletion")
      throw new AwsError("KMSInvalidStateException", `${key.arn} is pending deletion.`);
    return key;
  };

  const service = serveAwsJson("TrentService", "1.1", {
    Sign: operation(v.strictObject(message), (input) => {
      const key = findUsable(input.KeyId);
      const signature = p256.sign(bytesOf(input), key.secret, {
        prehash: input.MessageType === "RAW",
        format: "der",
      });
      return {
        KeyId: key.arn,
        Signature: Buffer.from(signature).toString("base64"),
        SigningAlgorithm: algorithm,
      };
    }),
    Verify: operation(v.strictObject({ ...message, Signature: v.string() }), (input) => {
      const key = findUsable(input.KeyId);
      const bytes = bytesOf(input);
      const signature = Buffer.from(input.Signature, "base64");
      if (!isSignature(key, bytes, input.MessageType, signature))
        throw new AwsError("KMSInvalidSignatureException", "");
      return { KeyId: key.arn, SignatureValid: true, SigningAlgorithm: algorithm };
    }),
    GetPublicKey: operation(v.strictObject({ KeyId: v.string() }), ({ KeyId }) => {
      const key = findUsable(KeyId);
      return {
        KeyId: key.arn,
        PublicKey: key.public.export({ format: "der", type: "spki" }).toString("base64"),
        KeySpec: spec,
        CustomerMasterKeySpec: spec,
        KeyUsage: usage,
        SigningAlgorithms: [algorithm],
      };
    }),
  });

  return {
    service,
    createKey: (id = uuid(random)) => {
      const arn = arnOf(id);
      if (keys.has(arn)) throw new Error(`there is a key ${arn}`);
      const secret = drawSecret(random);
      keys.set(arn, { arn, secret, public: publicOf(secret), state: "Enabled" });
      return arn;
    },
    createAlias: (name, keyId) => {
      if (!name.startsWith("alias/")) throw new Error(`${name} does not begin with alias/`);
      aliases.set(name, find(keyId).arn);
    },
    enable: (keyId) => void (find(keyId).state = "Enabled"),
    disable: (keyId) => void (find(keyId).state = "Disabled"),
    scheduleDeletion: (keyId) => void (find(keyId).state = "PendingDeletion"),
    publicKey: (keyId) => find(keyId).public.export({ format: "pem", type: "spki" }).toString(),
  };
};

const isSignature = (
  key: Key,
  bytes: Uint8Array,
  type: Signable["MessageType"],
  signature: Uint8Array,
): boolean => {
  if (type === "RAW") return verify("sha256", bytes, key.public, signature);
  const point = p256.getPublicKey(key.secret);
  try {
    return p256.verify(signature, bytes, point, { prehash: false, format: "der" });
  } catch {
    // It is not DER.
    return false;
  }
};
