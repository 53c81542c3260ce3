import * as v from "valibot";

import type { Random } from "../random.ts";
import { uuid } from "../random.ts";
import { AwsError, operation, serveAwsJson } from "./aws-json.ts";
import type { Service } from "./service.ts";

export interface SecretsManager {
  readonly service: Service;
  /** Stores a secret and returns its ARN, which ends in six random characters. */
  create(name: string, value: string): string;
  /**
   * Gives a secret a new value: the version that was current becomes
   * `AWSPREVIOUS`, and its id stays readable.
   */
  rotate(nameOrArn: string, value: string): void;
}

interface Version {
  readonly id: string;
  readonly value: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

interface Secret {
  readonly name: string;
  readonly arn: string;
  current: Version;
  previous: Version | undefined;
}

/**
 * Emulates reading from Secrets Manager.
 *
 * Source: AWS Secrets Manager API Reference, GetSecretValue; User Guide,
 * "What's in a Secrets Manager secret?" (the ARN's six random characters,
 * staging labels).
 */
export const createSecretsManager = ({
  now,
  random,
  region = "eu-west-1",
  account = "123456789012",
}: {
  readonly now: () => number;
  readonly random: Random;
  readonly region?: string;
  readonly account?: string;
}): SecretsManager => {
  const secrets = new Map<string, Secret>();
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

  const find = (id: string): Secret | undefined =>
    secrets.get(id) ??
    // The whole ARN, or one without its random characters.
    [...secrets.values()].find(({ arn }) => arn === id || arn.slice(0, -7) === id);

  const newVersion = (value: string): Version => ({ id: uuid(random), value, createdAt: now() });

  const get = operation(
    v.strictObject({
      SecretId: v.string(),
      VersionId: v.optional(v.string()),
      VersionStage: v.optional(v.string()),
    }),
    ({ SecretId, VersionId, VersionStage }) => {
      const secret = find(SecretId);
      if (secret === undefined)
        throw new AwsError(
          "ResourceNotFoundException",
          "Secrets Manager can't find the specified secret.",
        );
      const staged = [
        { version: secret.current, stage: "AWSCURRENT" },
        ...(secret.previous ? [{ version: secret.previous, stage: "AWSPREVIOUS" }] : []),
      ];
      const wanted = staged.find(
        ({ version, stage }) =>
          (VersionId === undefined || version.id === VersionId) &&
          (VersionStage === undefined
            ? VersionId !== undefined || stage === "AWSCURRENT"
            : stage === VersionStage),
      );
      if (wanted === undefined)
        throw new AwsError(
          "ResourceNotFoundException",
          `Secrets Manager can't find the specified secret value for ${
            VersionId === undefined ? `staging label: ${VersionStage}` : `VersionId: ${VersionId}`
          }`,
        );
      return {
        ARN: secret.arn,
        Name: secret.name,
        SecretString: wanted.version.value,
        VersionId: wanted.version.id,
        VersionStages: [wanted.stage],
        CreatedDate: wanted.version.createdAt / 1000,
      };
    },
  );

  return {
    service: serveAwsJson("secretsmanager", "1.1", { GetSecretValue: get }),
    create: (name, value) => {
      const suffix = Array.from(
        { length: 6 },
        () => letters[Math.floor(random() * letters.length)],
      );
      const arn = `arn:aws:secretsmanager:${region}:${account}:secret:${name}-${suffix.join("")}`;
      secrets.set(name, { name, arn, current: newVersion(value), previous: undefined });
      return arn;
    },
    rotate: (nameOrArn, value) => {
      const secret = find(nameOrArn);
      if (secret === undefined) throw new Error(`no secret ${nameOrArn}`);
      secret.previous = secret.current;
      secret.current = newVersion(value);
    },
  };
};
