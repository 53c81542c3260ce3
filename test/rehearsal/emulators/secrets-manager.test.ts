import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  BatchGetSecretValueCommand,
  GetSecretValueCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import type { GetSecretValueCommandInput } from "@aws-sdk/client-secrets-manager";

import { createSecretsManager } from "../../../rehearsal/emulators/secrets-manager.ts";
import { seeded } from "../../../rehearsal/random.ts";
import { serveInProcess } from "../../../rehearsal/wire.ts";
import { createManualClock } from "./manual-clock.ts";

const world = () => {
  const clock = createManualClock();
  const secrets = createSecretsManager({ now: () => clock.now(), random: seeded(1) });
  const client = new SecretsManagerClient({
    region: "eu-west-1",
    credentials: { accessKeyId: "key", secretAccessKey: "secret" },
    requestHandler: serveInProcess(secrets.service, { clock }),
  });
  const get = (input: GetSecretValueCommandInput) => client.send(new GetSecretValueCommand(input));
  const getTogether = (SecretIdList: string[]) =>
    client.send(new BatchGetSecretValueCommand({ SecretIdList }));
  return { secrets, get, getTogether };
};

const notFound = { name: "ResourceNotFoundException" };

describe("the secrets manager", () => {
  it("gives a secret by name, by ARN, and by the ARN without its random characters", async () => {
    const { secrets, get } = world();
    const arn = secrets.create("drover/nomad-token", "token");
    assert.match(arn, /:secret:drover\/nomad-token-\w{6}$/);
    for (const SecretId of ["drover/nomad-token", arn, arn.slice(0, -7)]) {
      const secret = await get({ SecretId });
      assert.partialDeepStrictEqual(secret, {
        ARN: arn,
        Name: "drover/nomad-token",
        SecretString: "token",
        VersionStages: ["AWSCURRENT"],
        CreatedDate: new Date(Date.UTC(2026, 0, 1)),
      });
    }
    await assert.rejects(get({ SecretId: "absent" }), notFound);
  });

  it("keeps the version before a rotation readable, and no older one", async () => {
    const { secrets, get } = world();
    secrets.create("token", "1");
    const first = await get({ SecretId: "token" });
    secrets.rotate("token", "2");
    assert.equal((await get({ SecretId: "token" })).SecretString, "2");
    for (const which of [{ VersionId: first.VersionId }, { VersionStage: "AWSPREVIOUS" }])
      assert.partialDeepStrictEqual(await get({ SecretId: "token", ...which }), {
        SecretString: "1",
        VersionStages: ["AWSPREVIOUS"],
      });
    secrets.rotate("token", "3");
    await assert.rejects(get({ SecretId: "token", VersionId: first.VersionId }), notFound);
    await assert.rejects(get({ SecretId: "token", VersionStage: "AWSPENDING" }), notFound);
  });

  it("gives up to twenty at once, what cannot be read among the errors", async () => {
    const { secrets, get, getTogether } = world();
    const partial = secrets.create("b", "2").slice(0, -7);
    secrets.create("a", "1");
    secrets.create("c", "3");
    secrets.refuse("c", "AccessDeniedException", "Access to KMS is not allowed");
    const { SecretValues, Errors } = await getTogether([partial, "c", "a", "absent"]);
    // Not as they were asked for: whoever relies on the order finds out here.
    assert.deepEqual(
      SecretValues?.map(({ Name, SecretString }) => [Name, SecretString]),
      [
        ["a", "1"],
        ["b", "2"],
      ],
    );
    assert.deepEqual(
      Errors?.map(({ SecretId, ErrorCode }) => [SecretId, ErrorCode]),
      [
        ["c", "AccessDeniedException"],
        ["absent", "ResourceNotFoundException"],
      ],
    );
    await assert.rejects(get({ SecretId: "c" }), { name: "AccessDeniedException" });
    for (const count of [0, 21]) {
      const ids = Array.from({ length: count }, (_, i) => `s-${i}`);
      await assert.rejects(getTogether(ids), { name: "InvalidParameterException" });
    }
  });
});
