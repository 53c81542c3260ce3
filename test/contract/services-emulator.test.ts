import { ResourceGroupsTaggingAPIClient } from "@aws-sdk/client-resource-groups-tagging-api";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SFNClient } from "@aws-sdk/client-sfn";
import { SSMClient } from "@aws-sdk/client-ssm";

import { systemClock } from "../../lambdas/runtime/clock.ts";
import { createResourceTags } from "../../rehearsal/emulators/resource-tags.ts";
import { createSecretsManager } from "../../rehearsal/emulators/secrets-manager.ts";
import type { Service } from "../../rehearsal/emulators/service.ts";
import { createSsm } from "../../rehearsal/emulators/ssm.ts";
import { createStepFunctions, type Outcome } from "../../rehearsal/emulators/step-functions.ts";
import { seeded } from "../../rehearsal/random.ts";
import { serveInProcess } from "../../rehearsal/wire.ts";
import { type ResourceTagsTarget, resourceTagsContract } from "./resource-tags.ts";
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
        const outcomes: Record<string, Promise<Outcome>> = {
          [`${machine}:waits`]: new Promise(() => undefined),
          [`${machine}:passes`]: Promise.resolve({ status: "SUCCEEDED", output: input }),
        };
        const outcome = outcomes[stateMachineArn];
        return outcome && { outcome, stop: () => undefined };
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

holdTo("resource tags, emulated", resourceTagsContract, openResourceTags);
holdTo("Step Functions, emulated", stepFunctionsContract, openStepFunctions);
holdTo("Secrets Manager, emulated", secretsManagerContract, openSecretsManager);
holdTo("the parameter store, emulated", ssmContract, openSsm);
