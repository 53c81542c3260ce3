import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { Surroundings } from "../runtime/surroundings.ts";
import { awsClientOptions } from "./aws.ts";

/** How long a secret is kept; a rotated one is used this much later at the latest. */
const keepMilliseconds = 5 * 60_000;

export interface Secrets {
  /**
   * The text of a secret, read at most once in five minutes.
   *
   * @param id - ARN or name; undefined gives undefined
   */
  read(id: string | undefined): Promise<string | undefined>;
  /** Forgets what was read: the next reads ask again. */
  refresh(): void;
}

export const secretsManager = (surroundings: Surroundings): Secrets => {
  const client = new SecretsManagerClient(awsClientOptions(surroundings));
  const kept = new Map<string, { text: Promise<string | undefined>; until: number }>();
  return {
    read(id) {
      if (id === undefined) return Promise.resolve(undefined);
      const now = surroundings.clock.now();
      const known = kept.get(id);
      if (known && known.until > now) return known.text;
      const text = client
        .send(new GetSecretValueCommand({ SecretId: id }))
        .then((answer) => answer.SecretString?.trim());
      kept.set(id, { text, until: now + keepMilliseconds });
      // A failed read is not kept.
      text.catch(() => kept.delete(id));
      return text;
    },
    refresh: () => kept.clear(),
  };
};
