import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

import { CreateKeyCommand, KMSClient } from "@aws-sdk/client-kms";

import { buildLocalKms } from "./build.ts";

/** How clients of it are made: it takes anybody's credentials. */
export interface LocalKmsSettings {
  /** On the loopback interface. */
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly maxAttempts: number;
}

export interface LocalKms {
  readonly settings: LocalKmsSettings;
  /**
   * Makes a key as the publisher of bundles has it: ECC_NIST_P256 for SIGN_VERIFY.
   *
   * @returns its ARN
   */
  readonly createKey: () => Promise<string>;
  readonly close: () => Promise<void>;
}

/**
 * Starts local-kms, without any keys. It ends with this process, however that ends.
 *
 * @throws LocalKmsError when it is not here and cannot be built
 */
export const startLocalKms = async (): Promise<LocalKms> => {
  const child = spawn(await buildLocalKms(), [], { stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  child.stderr
    .setEncoding("utf8")
    .on("data", (chunk: string) => (said = (said + chunk).slice(-10_000)));
  const ended = once(child, "close");
  const lines = createInterface({ input: child.stdout });
  const [endpoint] = (await Promise.race([
    once(lines, "line"),
    ended.then(() => Promise.reject(new Error(`local-kms ended: ${said}`))),
  ])) as [string];
  const settings: LocalKmsSettings = {
    endpoint,
    region: "eu-west-1",
    credentials: { accessKeyId: "tester", secretAccessKey: "secret" },
    maxAttempts: 1,
  };
  const client = new KMSClient(settings);
  return {
    settings,
    createKey: async () => {
      const { KeyMetadata } = await client.send(
        new CreateKeyCommand({ KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" }),
      );
      if (KeyMetadata?.Arn === undefined) throw new Error("local-kms made no key");
      return KeyMetadata.Arn;
    },
    close: async () => {
      client.destroy();
      child.stdin.end();
      await ended;
    },
  };
};
