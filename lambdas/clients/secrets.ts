import { BatchGetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { Surroundings } from "../runtime/surroundings.ts";
import { awsClientOptions } from "./aws.ts";

/** How long a secret is kept; a rotated one is used this much later at the latest. */
const keepMilliseconds = 5 * 60_000;

export interface Secrets {
  /**
   * The text of a secret, read at most once in five minutes, in one call with
   * the others.
   *
   * @param id - ARN or name, one of those that were given; undefined gives undefined
   * @throws an error with the name that Secrets Manager gives it, about this secret alone
   */
  read(id: string | undefined): Promise<string | undefined>;
  /** Forgets what was read: the next reads ask again. */
  refresh(): void;
}

/** A secret is known by its name, by its ARN, or by its ARN without the six characters at the end. */
const isCalled = (id: string, name: string | undefined, arn = ""): boolean =>
  id === name ||
  id === arn ||
  (id.startsWith("arn:") && arn.startsWith(`${id}-`) && arn.length === id.length + 7);

/** An error that an operation on this secret alone would have met. */
const errorOf = (id: string, name = "Error", message = "no reason is given"): Error =>
  Object.assign(new Error(`the secret ${id}: ${message}`), { name });

type Text = string | Error | undefined;
type Texts = ReadonlyMap<string, Text>;

/**
 * The secrets of a function.
 *
 * @param ids - all that will be asked for; they are read together. A function has eight
 *   at most, and one call takes twenty.
 */
export const secretsManager = (
  surroundings: Surroundings,
  ids: readonly (string | undefined)[],
): Secrets => {
  const client = new SecretsManagerClient(awsClientOptions(surroundings));
  const asked = [...new Set(ids.filter((id) => id !== undefined))];
  let kept: { readonly texts: Promise<Texts>; readonly until: number } | undefined;

  const readAll = async (): Promise<Texts> => {
    const { SecretValues = [], Errors = [] } = await client.send(
      new BatchGetSecretValueCommand({ SecretIdList: asked }),
    );
    // They come in any order, and what cannot be read does not fail the call.
    return new Map(
      asked.map((id): readonly [string, Text] => {
        const found = SecretValues.find(({ Name, ARN }) => isCalled(id, Name, ARN));
        if (found) return [id, found.SecretString?.trim()];
        const error = Errors.find(({ SecretId }) => isCalled(id, SecretId, SecretId));
        return [id, errorOf(id, error?.ErrorCode, error?.Message)];
      }),
    );
  };

  return {
    async read(id) {
      if (id === undefined) return undefined;
      if (!asked.includes(id)) throw new TypeError(`the secret ${id} was not given`);
      const now = surroundings.clock.now();
      const load = (kept =
        kept && kept.until > now ? kept : { texts: readAll(), until: now + keepMilliseconds });
      // A failed read is not kept; nor does one secret that is missing keep the others from
      // being used, as Consul's from Nomad.
      const forget = (error: unknown): never => {
        if (kept === load) kept = undefined;
        throw error;
      };
      const text = (await load.texts.catch(forget)).get(id);
      return text instanceof Error ? forget(text) : text;
    },
    refresh: () => {
      kept = undefined;
    },
  };
};
