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
  /** Has every read of a secret fail from now on, as when its key may not be used. */
  refuse(nameOrArn: string, code: string, message: string): void;
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
  refusal: { readonly code: string; readonly message: string } | undefined;
}

/**
 * Emulates reading from Secrets Manager.
 *
 * Source: AWS Secrets Manager API Reference, GetSecretValue and
 * BatchGetSecretValue (the list of ids alone, no filters); User Guide,
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

  const read = (
    secretId: string,
    {
      versionId,
      stage: wantedStage,
    }: { readonly versionId?: string; readonly stage?: string } = {},
  ) => {
    const secret = find(secretId);
    if (secret === undefined)
      throw new AwsError(
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret.",
      );
    if (secret.refusal) throw new AwsError(secret.refusal.code, secret.refusal.message);
    const staged = [
      { version: secret.current, stage: "AWSCURRENT" },
      ...(secret.previous ? [{ version: secret.previous, stage: "AWSPREVIOUS" }] : []),
    ];
    const wanted = staged.find(
      ({ version, stage }) =>
        (versionId === undefined || version.id === versionId) &&
        (wantedStage === undefined
          ? versionId !== undefined || stage === "AWSCURRENT"
          : stage === wantedStage),
    );
    if (wanted === undefined)
      throw new AwsError(
        "ResourceNotFoundException",
        `Secrets Manager can't find the specified secret value for ${
          versionId === undefined ? `staging label: ${wantedStage}` : `VersionId: ${versionId}`
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
  };

  const get = operation(
    v.strictObject({
      SecretId: v.string(),
      VersionId: v.optional(v.string()),
      VersionStage: v.optional(v.string()),
    }),
    ({ SecretId, VersionId, VersionStage }) =>
      read(SecretId, {
        ...(VersionId !== undefined && { versionId: VersionId }),
        ...(VersionStage !== undefined && { stage: VersionStage }),
      }),
  );

  /** What cannot be read is among the errors, and the call succeeds all the same. */
  const batchGet = operation(
    v.strictObject({ SecretIdList: v.array(v.string()) }),
    ({ SecretIdList }) => {
      if (SecretIdList.length < 1 || SecretIdList.length > 20)
        throw new AwsError(
          "InvalidParameterException",
          "SecretIdList: has to have at least 1 and at most 20 entries.",
        );
      const values: ReturnType<typeof read>[] = [];
      const errors: object[] = [];
      for (const SecretId of SecretIdList) {
        try {
          values.push(read(SecretId));
        } catch (error) {
          if (!(error instanceof AwsError)) throw error;
          errors.push({ SecretId, ErrorCode: error.code, Message: error.message });
        }
      }
      // In an order of its own: none is promised.
      values.sort((one, other) => (one.ARN < other.ARN ? -1 : 1));
      return { SecretValues: values, Errors: errors };
    },
  );

  return {
    service: serveAwsJson("secretsmanager", "1.1", {
      GetSecretValue: get,
      BatchGetSecretValue: batchGet,
    }),
    create: (name, value) => {
      const suffix = Array.from(
        { length: 6 },
        () => letters[Math.floor(random() * letters.length)],
      );
      const arn = `arn:aws:secretsmanager:${region}:${account}:secret:${name}-${suffix.join("")}`;
      secrets.set(name, {
        name,
        arn,
        current: newVersion(value),
        previous: undefined,
        refusal: undefined,
      });
      return arn;
    },
    rotate: (nameOrArn, value) => {
      const secret = find(nameOrArn);
      if (secret === undefined) throw new Error(`no secret ${nameOrArn}`);
      secret.previous = secret.current;
      secret.current = newVersion(value);
    },
    refuse: (nameOrArn, code, message) => {
      const secret = find(nameOrArn);
      if (secret === undefined) throw new Error(`no secret ${nameOrArn}`);
      secret.refusal = { code, message };
    },
  };
};
