import { EC2Client } from "@aws-sdk/client-ec2";
import { KMSClient } from "@aws-sdk/client-kms";
import { ResourceGroupsTaggingAPIClient } from "@aws-sdk/client-resource-groups-tagging-api";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SFNClient } from "@aws-sdk/client-sfn";
import { SSMClient } from "@aws-sdk/client-ssm";

import { systemClock } from "../../lambdas/runtime/clock.ts";
import { createEc2 } from "../../rehearsal/emulators/ec2/ec2.ts";
import { createKms } from "../../rehearsal/emulators/kms.ts";
import { createResourceTags } from "../../rehearsal/emulators/resource-tags.ts";
import { createSecretsManager } from "../../rehearsal/emulators/secrets-manager.ts";
import type { Service } from "../../rehearsal/emulators/service.ts";
import { createSsm } from "../../rehearsal/emulators/ssm.ts";
import { createStepFunctions, type Outcome } from "../../rehearsal/emulators/step-functions.ts";
import { seeded } from "../../rehearsal/random.ts";
import { serveInProcess } from "../../rehearsal/wire.ts";
import { type Ec2Target, ec2Contract } from "./ec2.ts";
import { kmsContract, type KmsTarget } from "./kms.ts";
import { type ResourceTagsTarget, resourceTagsContract } from "./resource-tags.ts";
import { openEmulatedBuckets } from "./s3-emulated.ts";
import { s3Contract } from "./s3.ts";
import { type SecretsManagerTarget, secretsManagerContract } from "./secrets-manager.ts";
import { holdTo } from "./services.ts";
import { type SsmTarget, ssmContract } from "./ssm.ts";
import { type StepFunctionsTarget, stepFunctionsContract } from "./step-functions.ts";

const clock = systemClock;
const now = () => clock.now();
let serial = 0;
const next = () => String((serial += 1));

const settings = (service: Service) => ({
  region: "eu-west-1",
  credentials: { accessKeyId: "key", secretAccessKey: "secret" },
  requestHandler: serveInProcess(service, { clock }),
  maxAttempts: 1,
});

const openStepFunctions = (): StepFunctionsTarget => {
  const machine = "arn:aws:states:eu-west-1:123456789012:stateMachine";
  const { service } = createStepFunctions({
    clock,
    random: seeded(1),
    engine: {
      start: ({ stateMachineArn, input }) => {
        const at = now();
        const outcomes: Record<string, Promise<Outcome>> = {
          [`${machine}:waits`]: new Promise(() => undefined),
          [`${machine}:passes`]: Promise.resolve({ status: "SUCCEEDED", output: input }),
        };
        const outcome = outcomes[stateMachineArn];
        const entered = { name: "Only", input: JSON.parse(input) as unknown, at };
        return outcome && { outcome, stop: () => undefined, lastEntered: () => entered };
      },
    },
  });
  return {
    client: new SFNClient(settings(service)),
    waits: `${machine}:waits`,
    passes: `${machine}:passes`,
    newName: () => `run-${next()}`,
  };
};

const openSecretsManager = (): SecretsManagerTarget => {
  const secrets = createSecretsManager({ now, random: seeded(1) });
  return {
    client: new SecretsManagerClient(settings(secrets.service)),
    newName: () => `drover/secret-${next()}`,
    create: async (name, value) => secrets.create(name, value),
    rotate: async (name, value) => secrets.rotate(name, value),
  };
};

const openSsm = (): SsmTarget => {
  const ssm = createSsm({ now });
  return {
    client: new SSMClient(settings(ssm.service)),
    newPath: () => `/drover/${next()}`,
    put: async (name, value, type) => ssm.put(name, value, type),
    remove: async (name) => ssm.remove(name),
  };
};

const openResourceTags = (): ResourceTagsTarget => {
  const tags = createResourceTags();
  return {
    client: new ResourceGroupsTaggingAPIClient(settings(tags.service)),
    newKey: () => `drover:${next()}`,
    type: "ec2:instance",
    make: async (wanted) => {
      const arn = `arn:aws:ec2:eu-west-1:123456789012:instance/i-${next().padStart(17, "0")}`;
      for (const [key, value] of Object.entries(wanted)) tags.put(arn, key, value);
      return arn;
    },
  };
};

const openEc2 = (): Ec2Target => {
  const ec2 = createEc2({ now, instances: () => [] });
  const newId = () => `i-${next().padStart(17, "0")}`;
  return {
    client: new EC2Client(settings(ec2.service)),
    newId,
    launch: async () => {
      const id = newId();
      ec2.put({ id, state: "running" });
      return id;
    },
    end: async (id) => ec2.put({ id, state: "terminated" }),
  };
};

const openKms = (): KmsTarget => {
  const kms = createKms({ random: seeded(1) });
  return {
    client: new KMSClient(settings(kms.service)),
    createKey: async () => kms.createKey(),
    createAlias: async (keyId) => {
      const name = `alias/drover-${next()}`;
      kms.createAlias(name, keyId);
      return name;
    },
    disable: async (keyId) => kms.disable(keyId),
    scheduleDeletion: async (keyId) => kms.scheduleDeletion(keyId),
  };
};

holdTo("EC2, emulated", ec2Contract, openEc2);
holdTo("KMS, emulated", kmsContract, openKms);
holdTo("resource tags, emulated", resourceTagsContract, openResourceTags);
holdTo("Step Functions, emulated", stepFunctionsContract, openStepFunctions);
holdTo("S3, emulated", s3Contract, openEmulatedBuckets);
holdTo("Secrets Manager, emulated", secretsManagerContract, openSecretsManager);
holdTo("the parameter store, emulated", ssmContract, openSsm);
