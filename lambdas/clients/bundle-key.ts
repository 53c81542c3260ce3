import { createHash, createPublicKey, verify } from "node:crypto";
import { GetPublicKeyCommand, KMSClient, SignCommand } from "@aws-sdk/client-kms";
import type { AwsClientOptions } from "./aws.ts";

/** The key by which machines know what the publisher has signed: ECDSA P-256, in KMS. */
export interface BundleKey {
  /** @returns DER, as `openssl dgst -sha256 -verify` reads it */
  sign(text: string): Promise<Uint8Array>;
  /** PEM. */
  publicKey(): Promise<string>;
}

/** The key is of a kind whose signatures no machine can check; the message names it. */
export class WrongKey extends Error {
  override readonly name = "WrongKey";
}

const algorithm = "ECDSA_SHA_256";

/**
 * @param keyId - id, ARN or alias of the key
 * @throws WrongKey if it is of another kind than ECC_NIST_P256 for signing
 */
export const bundleKeyClient = (options: AwsClientOptions, keyId: string): BundleKey => {
  const client = new KMSClient(options);
  let known: Promise<string> | undefined;

  const readPublicKey = async (): Promise<string> => {
    const { PublicKey, KeySpec, KeyUsage } = await client.send(
      new GetPublicKeyCommand({ KeyId: keyId }),
    );
    if (PublicKey === undefined || KeySpec !== "ECC_NIST_P256" || KeyUsage !== "SIGN_VERIFY")
      throw new WrongKey(
        `the key ${keyId} is ${KeySpec} for ${KeyUsage}: bundles are signed by an ECC_NIST_P256 key for SIGN_VERIFY; deploy the bundle store with such a one`,
      );
    return createPublicKey({ key: Buffer.from(PublicKey), format: "der", type: "spki" })
      .export({ format: "pem", type: "spki" })
      .toString();
  };

  return {
    async sign(text) {
      // The digest, since KMS takes at most 4,096 bytes of a message itself, and a channel has more.
      const { Signature } = await client.send(
        new SignCommand({
          KeyId: keyId,
          SigningAlgorithm: algorithm,
          MessageType: "DIGEST",
          Message: createHash("sha256").update(text).digest(),
        }),
      );
      if (Signature === undefined) throw new Error(`KMS gave no signature of the key ${keyId}`);
      return Signature;
    },
    async publicKey() {
      known ??= readPublicKey();
      try {
        return await known;
      } catch (error) {
        known = undefined;
        throw error;
      }
    },
  };
};

/**
 * Whether a signature over a text is of this key, as a machine checks it.
 *
 * @param publicKey - PEM
 * @param signature - DER
 */
export const isSignedBy = (publicKey: string, text: string, signature: Uint8Array): boolean =>
  verify("sha256", Buffer.from(text), publicKey, signature);
