import assert from "node:assert/strict";

import {
  BatchGetSecretValueCommand,
  GetSecretValueCommand,
  type GetSecretValueCommandInput,
  type SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";

import type { ServiceCase } from "./services.ts";

export interface SecretsManagerTarget {
  readonly client: SecretsManagerClient;
  /** A name that no secret has. */
  newName(): string;
  /** @returns its ARN */
  create(name: string, value: string): Promise<string>;
  /** Gives it a new value, as a rotation does. */
  rotate(name: string, value: string): Promise<void>;
}

const reference = "AWS Secrets Manager API Reference, GetSecretValue";
const absent = { name: "ResourceNotFoundException" };

const get = ({ client }: SecretsManagerTarget, input: GetSecretValueCommandInput) =>
  client.send(new GetSecretValueCommand(input));

const getTogether = ({ client }: SecretsManagerTarget, SecretIdList: string[]) =>
  client.send(new BatchGetSecretValueCommand({ SecretIdList }));

const batchReference = "AWS Secrets Manager API Reference, BatchGetSecretValue";

export const secretsManagerContract: readonly ServiceCase<SecretsManagerTarget>[] = [
  {
    title: "a secret is read by its name and by its ARN",
    source: `${reference}, SecretId`,
    async run(target) {
      const name = target.newName();
      const arn = await target.create(name, "value");
      assert.match(arn, new RegExp(`:secret:${name}-\\w{6}$`));
      for (const SecretId of [name, arn]) {
        const found = await get(target, { SecretId });
        assert.deepEqual(
          [found.ARN, found.Name, found.SecretString, found.VersionStages],
          [arn, name, "value", ["AWSCURRENT"]],
        );
        assert.ok(found.CreatedDate instanceof Date);
      }
    },
  },
  {
    title: "a secret is read by its ARN without the six random characters",
    source: `${reference}, SecretId; User Guide, "Troubleshoot AWS Secrets Manager" (partial ARNs)`,
    async run(target) {
      const arn = await target.create(target.newName(), "value");
      assert.equal((await get(target, { SecretId: arn.slice(0, -7) })).ARN, arn);
    },
  },
  {
    title: "a secret that is not there is not found, nor is a version",
    source: `${reference}, errors`,
    async run(target) {
      await assert.rejects(get(target, { SecretId: target.newName() }), absent);
      const SecretId = target.newName();
      await target.create(SecretId, "value");
      await assert.rejects(get(target, { SecretId, VersionStage: "AWSPREVIOUS" }), absent);
      await assert.rejects(
        get(target, { SecretId, VersionId: "00000000-0000-4000-8000-000000000000" }),
        absent,
      );
    },
  },
  {
    title: "a rotation leaves the version before it readable, and no older one by its stage",
    source:
      'AWS Secrets Manager User Guide, "What\'s in a Secrets Manager secret?" (staging labels)',
    async run(target) {
      const SecretId = target.newName();
      await target.create(SecretId, "1");
      const first = await get(target, { SecretId });
      await target.rotate(SecretId, "2");
      const second = await get(target, { SecretId });
      assert.equal(second.SecretString, "2");
      assert.notEqual(second.VersionId, first.VersionId);
      for (const which of [{ VersionId: first.VersionId }, { VersionStage: "AWSPREVIOUS" }]) {
        const found = await get(target, { SecretId, ...which });
        assert.deepEqual([found.SecretString, found.VersionStages], ["1", ["AWSPREVIOUS"]]);
      }
      const stages = { VersionId: second.VersionId, VersionStage: "AWSCURRENT" };
      assert.equal((await get(target, { SecretId, ...stages })).SecretString, "2");
      await target.rotate(SecretId, "3");
      const previous = await get(target, { SecretId, VersionStage: "AWSPREVIOUS" });
      assert.equal(previous.SecretString, "2");
    },
  },
  {
    title: "several are read in one call, by name or by ARN, in any order",
    source: `${batchReference}, SecretIdList, SecretValues`,
    async run(target) {
      const [first, second] = [target.newName(), target.newName()];
      const arn = await target.create(first, "1");
      await target.create(second, "2");
      await target.rotate(second, "3");
      const { SecretValues = [], Errors = [] } = await getTogether(target, [second, arn]);
      assert.deepEqual(
        new Map(SecretValues.map(({ Name, SecretString }) => [Name, SecretString])),
        new Map([
          [first, "1"],
          [second, "3"],
        ]),
      );
      assert.deepEqual(
        SecretValues.find(({ Name }) => Name === first)?.ARN,
        arn,
        "an answer names its secret in full",
      );
      assert.deepEqual(Errors, []);
    },
  },
  {
    title: "one of several that is not there is among the errors, and the others are given",
    source: `${batchReference}, Errors`,
    async run(target) {
      const [there, absent] = [target.newName(), target.newName()];
      await target.create(there, "value");
      const { SecretValues = [], Errors = [] } = await getTogether(target, [absent, there]);
      assert.deepEqual(
        SecretValues.map(({ SecretString }) => SecretString),
        ["value"],
      );
      assert.deepEqual(
        Errors.map(({ SecretId, ErrorCode }) => [SecretId, ErrorCode]),
        [[absent, "ResourceNotFoundException"]],
      );
    },
  },
];
