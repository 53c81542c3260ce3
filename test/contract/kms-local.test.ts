import { after, before, describe, it } from "node:test";

import {
  CreateAliasCommand,
  DisableKeyCommand,
  KMSClient,
  ScheduleKeyDeletionCommand,
} from "@aws-sdk/client-kms";

import { kmsContract, type KmsTarget } from "./kms.ts";
import { type LocalKms, startLocalKms } from "./local-kms/server.ts";

const open = ({ settings, createKey }: LocalKms): KmsTarget => {
  const client = new KMSClient(settings);
  let serial = 0;
  return {
    client,
    createKey,
    async createAlias(TargetKeyId) {
      const AliasName = `alias/drover-${(serial += 1)}`;
      await client.send(new CreateAliasCommand({ AliasName, TargetKeyId }));
      return AliasName;
    },
    async disable(KeyId) {
      await client.send(new DisableKeyCommand({ KeyId }));
    },
    async scheduleDeletion(KeyId) {
      await client.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }));
    },
  };
};

describe("KMS, local-kms's", () => {
  let server: LocalKms;
  let target: KmsTarget;
  before(async () => {
    server = await startLocalKms();
    target = open(server);
  });
  after(async () => {
    target.client.destroy();
    await server.close();
  });

  for (const { title, run } of kmsContract) it(title, () => run(target));
});
