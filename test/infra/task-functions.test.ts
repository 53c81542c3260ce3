import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Stack } from "aws-cdk-lib";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import { taskMetadata } from "../../infra/task-function.ts";
import { droverTaskNames } from "../../infra/task-names.ts";
import { parseSettings } from "../../lambdas/runtime/settings.ts";
import { allTasks, type Task } from "../../stepfunctions/tasks.ts";
import {
  existingSecret,
  newDrover,
  newStack,
  nomad,
  type Resource,
  resourcesOf,
  resourcesOfType,
} from "./apps.ts";

const functionOf = (stack: Stack, task: Task): Resource["Properties"] => {
  const found = Object.values(resourcesOf(stack)).find(
    ({ Metadata }) => Metadata?.[taskMetadata] === task,
  );
  assert.equal(found?.Type, "AWS::Lambda::Function", task);
  return found.Properties;
};

const environmentOf = (stack: Stack, task: Task): Record<string, unknown> =>
  (functionOf(stack, task)["Environment"] as { Variables: Record<string, unknown> }).Variables;

/** With every value as a text, as a function would see it. */
const textsOf = (stack: Stack, task: Task): Record<string, string> =>
  Object.fromEntries(
    Object.entries(environmentOf(stack, task)).map(([name, value]) => [
      name,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );

const stack = newStack();
const secret = (name: string) => existingSecret(stack, name);
const arnOf = (name: string) =>
  `arn:aws:secretsmanager:eu-central-1:111122223333:secret:${name}-AbCdEf`;
newDrover(stack, {
  cluster: "eu",
  nomad: {
    ...nomad,
    region: "europe",
    token: secret("nomad"),
    tls: { ca: secret("ca"), clientCertificate: secret("cert"), clientKey: secret("key") },
  },
  consul: {
    address: "https://consul.internal:8501",
    datacenter: "eu-1",
    token: secret("consul"),
    tls: { ca: secret("consul-ca") },
  },
});

describe("the function of a task", () => {
  for (const task of droverTaskNames) {
    const { inVpc, timeoutSeconds, memory } = allTasks[task];

    it(`${task} runs as its task says`, () => {
      const made = functionOf(stack, task);
      assert.equal(made["Runtime"], "nodejs24.x");
      assert.deepEqual(made["Architectures"], ["arm64"]);
      assert.equal(made["Handler"], "index.handler");
      assert.equal(made["Timeout"], timeoutSeconds);
      assert.equal(made["MemorySize"], memory);
      // Accounts with a low limit could not deploy it.
      assert.equal(made["ReservedConcurrentExecutions"], undefined);
      assert.equal("VpcConfig" in made, inVpc);
    });

    it(`${task} finds in its environment what it asks for`, () => {
      const kind = task === "intake/intake" ? "intake" : inVpc ? "cluster" : "records";
      parseSettings(kind, textsOf(stack, task));
    });
  }

  it("that keeps records knows where they and the switches are, and nothing of Nomad", () => {
    const { DROVER_TABLE, DROVER_STATE_MACHINE, ...others } = environmentOf(stack, "intake/intake");
    assert.ok(DROVER_TABLE);
    assert.match(JSON.stringify(DROVER_STATE_MACHINE), /:stateMachine:drover-eu-retire-node"/);
    assert.deepEqual(others, {
      DROVER_CLUSTER: "eu",
      DROVER_STOP_PARAMETER: "/drover/eu/stop",
      DROVER_POOL_PARAMETERS: "/drover/eu/pools/",
      DROVER_CLUSTER_SLOTS: "1",
      NODE_OPTIONS: "--enable-source-maps",
    });
    assert.ok(!("DROVER_STATE_MACHINE" in environmentOf(stack, "retire/recover")));
  });

  it("that talks to Nomad knows names of secrets, never a secret, and nothing else", () => {
    assert.deepEqual(environmentOf(stack, "retire/find-node"), {
      DROVER_CLUSTER: "eu",
      NOMAD_ADDR: "https://nomad.internal:4646",
      NOMAD_REGION: "europe",
      NOMAD_TOKEN_SECRET: arnOf("nomad"),
      NOMAD_CACERT_SECRET: arnOf("ca"),
      NOMAD_CLIENT_CERT_SECRET: arnOf("cert"),
      NOMAD_CLIENT_KEY_SECRET: arnOf("key"),
      CONSUL_HTTP_ADDR: "https://consul.internal:8501",
      CONSUL_DATACENTER: "eu-1",
      CONSUL_HTTP_TOKEN_SECRET: arnOf("consul"),
      CONSUL_CACERT_SECRET: arnOf("consul-ca"),
      NODE_OPTIONS: "--enable-source-maps",
    });
  });

  it("knows nothing of a Consul that there is not", () => {
    const alone = newStack();
    newDrover(alone);
    assert.deepEqual(environmentOf(alone, "retire/forget-node"), {
      DROVER_CLUSTER: "default",
      NOMAD_ADDR: "https://nomad.internal:4646",
      NOMAD_REGION: "global",
      NODE_OPTIONS: "--enable-source-maps",
    });
  });

  it("shares its network with the others", () => {
    const networks = droverTaskNames
      .filter((task) => allTasks[task].inVpc)
      .map((task) => JSON.stringify(functionOf(stack, task)["VpcConfig"]));
    assert.equal(new Set(networks).size, 1);
    assert.match(networks[0] ?? "", /subnet-0123456789abcdef0.*|DroverSecurityGroup/);
  });

  it("keeps its versions, so that a running execution keeps its code", () => {
    const versions = resourcesOfType(stack, "AWS::Lambda::Version");
    assert.equal(versions.length, droverTaskNames.length - 1);
    for (const { DeletionPolicy } of versions) assert.equal(DeletionPolicy, "Retain");
    const definitions = resourcesOfType(stack, "AWS::StepFunctions::StateMachine").map(
      ({ Properties }) => Properties["DefinitionString"],
    );
    const invoked = [
      ...JSON.stringify(definitions).matchAll(/"Resource\\":\\"",\{"Ref":"(\w+)"\}/g),
    ].map(([, id]) => resourcesOf(stack)[id ?? ""]?.Type);
    assert.ok(invoked.length >= versions.length);
    assert.deepEqual(new Set(invoked), new Set(["AWS::Lambda::Version"]));
  });

  it("is invoked without a version when that is asked for", () => {
    const unpinned = newStack();
    newDrover(unpinned, { pinVersions: false });
    assert.deepEqual(resourcesOfType(unpinned, "AWS::Lambda::Version"), []);
  });
});

describe("the logs", () => {
  const logGroups = (given: Stack) => resourcesOfType(given, "AWS::Logs::LogGroup");

  it("are kept for three months, and go with the stack", () => {
    const made = logGroups(stack);
    const machines = resourcesOfType(stack, "AWS::StepFunctions::StateMachine");
    assert.equal(made.length, droverTaskNames.length + machines.length);
    for (const { Properties, DeletionPolicy } of made) {
      assert.equal(Properties["RetentionInDays"], 90);
      assert.equal(DeletionPolicy, "Delete");
    }
  });

  it("are kept as long as is asked for", () => {
    const other = newStack();
    newDrover(other, { logRetention: RetentionDays.ONE_WEEK });
    for (const { Properties } of logGroups(other)) assert.equal(Properties["RetentionInDays"], 7);
  });

  it("of each function are its own", () => {
    const used = droverTaskNames.map((task) =>
      JSON.stringify(functionOf(stack, task)["LoggingConfig"]),
    );
    assert.equal(new Set(used).size, droverTaskNames.length);
  });

  it("of the state machines do not use up the account's policy for logs", () => {
    const names = logGroups(stack).map(({ Properties }) => Properties["LogGroupName"]);
    assert.ok(names.includes("/aws/vendedlogs/states/drover-eu-retire-node"));
    assert.ok(names.includes("/aws/vendedlogs/states/drover-eu-doctor"));
  });
});
