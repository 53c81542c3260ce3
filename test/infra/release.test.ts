import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { unzipSync } from "fflate";
import { parse } from "valibot";
import { buildFunctions } from "../../infra/function-code.ts";
import { makeRelease, writeRelease } from "../../infra/release.ts";
import { taskMetadata } from "../../infra/task-function.ts";
import { droverTaskNames } from "../../infra/task-names.ts";
import { scriptsFile } from "../../lambdas/deploy/scripts-file.ts";
import { poolSettings } from "../../lambdas/runtime/pool-settings.ts";
import { createResolver } from "../../rehearsal/engine/intrinsics.ts";
import { allTasks } from "../../stepfunctions/tasks.ts";
import { brokenRules, type ConditionalTemplate, withParameters } from "./conditions.ts";
import { assertNoLint } from "./lint.ts";

const folder = mkdtempSync(join(tmpdir(), "drover-release-"));
after(() => rmSync(folder, { recursive: true }));
writeRelease(folder);
const again = makeRelease().files;

const read = (path: string): Buffer => readFileSync(join(folder, path));
const template = JSON.parse(read("drover.template.json").toString()) as ConditionalTemplate;
const poolTemplate = JSON.parse(
  read("drover-pool.template.json").toString(),
) as ConditionalTemplate;

const bundlesTemplate = JSON.parse(
  read("drover-bundles.template.json").toString(),
) as ConditionalTemplate;

const required = {
  CodeBucket: "code",
  CodePrefix: "drover/0.1.0/",
  NomadAddress: "https://nomad.internal:4646",
  SubnetIds: "subnet-0123456789abcdef0",
  SecurityGroupIds: "sg-0123456789abcdef0",
};

const arnOf = (name: string) =>
  `arn:aws:secretsmanager:eu-central-1:111122223333:secret:${name}-AbCdEf`;

type Resources = ReturnType<typeof withParameters>;

const functionOf = (resources: Resources, task: string) => {
  const found = Object.values(resources).find(
    ({ Metadata }) => Metadata?.[taskMetadata] === task,
  )?.Properties;
  assert.ok(found, task);
  return found as {
    Code: { S3Bucket: string; S3Key: string };
    Environment: { Variables: Record<string, unknown> };
    VpcConfig?: unknown;
    Role: { "Fn::GetAtt": [string, string] };
  };
};

const secretsAllowed = (resources: Resources): unknown[] => {
  const role = resources[functionOf(resources, "retire/find-node").Role["Fn::GetAtt"][0]];
  const [policy] = (role?.Properties?.["Policies"] ?? []) as {
    PolicyDocument: { Statement: { Action: unknown; Resource: unknown }[] };
  }[];
  assert.ok(policy);
  return policy.PolicyDocument.Statement.flatMap(({ Action, Resource }) =>
    Action === "secretsmanager:GetSecretValue" ? [Resource] : [],
  );
};

describe("the release", () => {
  it("is clean under cfn-lint", () => {
    const templates = [...again.keys()].filter((path) => path.endsWith(".template.json"));
    assert.equal(templates.length, 3);
    assertNoLint(templates.map((path) => join(folder, path)));
  });

  it("is the same bytes every time", () => {
    for (const [path, bytes] of again) {
      assert.ok(Buffer.from(bytes).equals(read(path)), path);
    }
  });

  it("has a checksum for every file", () => {
    execFileSync("sha256sum", ["--check", "--strict", "--quiet", "SHA256SUMS"], {
      cwd: folder,
      stdio: ["ignore", "inherit", "inherit"],
    });
    const named = read("SHA256SUMS")
      .toString()
      .trim()
      .split("\n")
      .map((line) => line.slice(66));
    assert.deepEqual(new Set([...named, "SHA256SUMS"]), new Set(again.keys()));
  });

  it("has a zip file for every function, which holds its bundle", () => {
    const resources = withParameters(template, required);
    const built = buildFunctions();
    for (const task of droverTaskNames) {
      const { S3Bucket, S3Key } = functionOf(resources, task).Code;
      assert.equal(S3Bucket, "code");
      assert.match(S3Key, /^drover\/0\.1\.0\/[a-z-]+-[0-9a-f]{16}\.zip$/);
      const files = unzipSync(read(join("functions", S3Key.slice("drover/0.1.0/".length))));
      assert.deepEqual(Object.keys(files), ["index.mjs", "index.mjs.map"]);
      const bundle = built.find(({ path }) => path === `${task}/index.mjs`);
      assert.ok(Buffer.from(files["index.mjs"] ?? []).equals(bundle?.contents ?? new Uint8Array()));
    }
  });

  it("has zip files that any tool can read", () => {
    const zips = [...again.keys()].filter((path) => path.endsWith(".zip"));
    const script =
      "import sys, zipfile\nfor path in sys.argv[1:]: assert zipfile.ZipFile(path).testzip() is None";
    execFileSync("python3", ["-c", script, ...zips], { cwd: folder, stdio: "inherit" });
  });
});

describe("the template of Drover", () => {
  it("needs no bootstrap, no assets and no code of CDK's", () => {
    const text = read("drover.template.json").toString();
    assert.doesNotMatch(text, /cdk-hnb659fds|BootstrapVersion|aws:asset|aws:cdk:path|CDKMetadata/);
    const types = new Set(Object.values(template.Resources).map(({ Type }) => Type));
    assert.ok(![...types].some((type) => /^Custom::|CustomResource$/.test(type)));
    assert.equal(types.has("AWS::AutoScaling::AutoScalingGroup"), false);
  });

  it("leaves out what is left out", () => {
    const resources = withParameters(template, required);
    assert.deepEqual(functionOf(resources, "retire/find-node").Environment.Variables, {
      DROVER_CLUSTER: "default",
      NOMAD_ADDR: "https://nomad.internal:4646",
      NOMAD_REGION: "global",
      NODE_OPTIONS: "--enable-source-maps",
    });
    assert.deepEqual(secretsAllowed(resources), []);
    const alarms = Object.values(resources).filter(({ Type }) => Type === "AWS::CloudWatch::Alarm");
    assert.ok(alarms.length > 0);
    assert.ok(!JSON.stringify(alarms).includes("#consul-"));
  });

  it("has everything that is given", () => {
    const resources = withParameters(template, {
      ...required,
      Cluster: "eu",
      NomadRegion: "europe",
      NomadTokenArn: arnOf("nomad"),
      NomadCaArn: arnOf("ca"),
      NomadClientCertificateArn: arnOf("cert"),
      NomadClientKeyArn: arnOf("key"),
      ConsulAddress: "https://consul.internal:8501",
      ConsulDatacenter: "eu-1",
      ConsulTokenArn: arnOf("consul"),
      ConsulCaArn: arnOf("ca"),
    });
    assert.deepEqual(functionOf(resources, "retire/find-node").Environment.Variables, {
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
      CONSUL_CACERT_SECRET: arnOf("ca"),
      NODE_OPTIONS: "--enable-source-maps",
    });
    assert.deepEqual(secretsAllowed(resources), [
      ["nomad", "ca", "cert", "key", "consul", "ca"].map(arnOf),
    ]);
    const text = JSON.stringify(resources);
    assert.match(text, /"Drover\/eu"/);
    assert.match(text, /"drover-eu\/"/);
    assert.match(text, /"\/drover\/eu\/stop"/);
    assert.match(text, /"drover-eu-retire-node"/);
    assert.match(text, /consul-refused/);
  });

  it("is checked when its own deployment has ended, as every Drover", () => {
    const resources = withParameters(template, { ...required, Cluster: "eu" });
    const rule = Object.values(resources).find(({ Properties }) =>
      JSON.stringify(Properties?.["EventPattern"])?.includes('"aws.cloudformation"'),
    )?.Properties;
    assert.ok(rule);
    const { detail } = rule["EventPattern"] as { detail: Record<string, unknown> };
    assert.deepEqual(detail["stack-id"], [{ Ref: "AWS::StackId" }]);
    const [target] = rule["Targets"] as { Arn: { Ref: string } }[];
    assert.equal(
      resources[target?.Arn.Ref ?? ""]?.Properties?.["StateMachineName"],
      "drover-eu-doctor",
    );
  });

  it("puts the functions that need it into the network of the parameters, and no other", () => {
    const resources = withParameters(template, required);
    for (const task of droverTaskNames) {
      const expected = allTasks[task].inVpc
        ? {
            SubnetIds: required.SubnetIds,
            SecurityGroupIds: required.SecurityGroupIds,
          }
        : undefined;
      assert.deepEqual(functionOf(resources, task).VpcConfig, expected, task);
    }
    assert.doesNotMatch(JSON.stringify(template), /(vpc|subnet|sg)-0000/);
  });

  it("lets a changed parameter reach executions that run already", () => {
    const types = Object.values(template.Resources).map(({ Type }) => Type);
    assert.ok(!types.includes("AWS::Lambda::Version"));
  });

  it("refuses a client certificate without its key", () => {
    const alone = { ...required, ConsulClientKeyArn: arnOf("key") };
    assert.deepEqual(brokenRules(template, alone), ["ConsulCertificateHasKey"]);
    const both = { ...alone, ConsulClientCertificateArn: arnOf("cert") };
    assert.deepEqual(brokenRules(template, both), []);
    assert.deepEqual(brokenRules(template, required), []);
  });

  it("refuses addresses and secrets that are none", () => {
    const accepts = (parameter: string, value: string) =>
      new RegExp(template.Parameters[parameter]?.AllowedPattern ?? "").test(value);
    assert.ok(accepts("NomadAddress", "https://nomad.internal:4646"));
    assert.ok(!accepts("NomadAddress", "http://nomad.internal:4646"));
    assert.ok(!accepts("NomadAddress", ""));
    assert.ok(!accepts("NomadAddress", "https://nomad.internal:4646/v1"));
    assert.ok(accepts("ConsulAddress", ""));
    assert.ok(accepts("NomadTokenArn", arnOf("token")));
    assert.ok(accepts("NomadTokenArn", ""));
    assert.ok(!accepts("NomadTokenArn", "b8d1c4a0-0000-0000-0000-000000000000"));
  });
});

describe("the template of a pool", () => {
  const given = { Cluster: "eu", Pool: "workers", AutoScalingGroupName: "workers-1" };
  const find = (type: string, parameters: Record<string, string> = given) =>
    Object.values(withParameters(poolTemplate, parameters)).find(({ Type }) => Type === type)
      ?.Properties;

  it("gives the group its hook", () => {
    assert.deepEqual(find("AWS::AutoScaling::LifecycleHook"), {
      AutoScalingGroupName: "workers-1",
      LifecycleHookName: "drover-eu/retire",
      LifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
      DefaultResult: "CONTINUE",
      HeartbeatTimeout: 1728,
    });
  });

  it("writes settings as the functions read them", () => {
    const parameter = find("AWS::SSM::Parameter");
    assert.equal(parameter?.["Name"], "/drover/eu/pools/workers");
    const settings = (props?: Record<string, unknown>) =>
      parse(poolSettings, JSON.parse(String(props?.["Value"])));
    assert.deepEqual(settings(parameter), parse(poolSettings, {}));
    const changed = find("AWS::SSM::Parameter", {
      ...given,
      DrainDeadlineSeconds: "60",
      PoolSlots: "3",
      ObserveOnly: "true",
    });
    assert.deepEqual(settings(changed), {
      ...parse(poolSettings, {}),
      drainDeadlineSeconds: 60,
      slots: 3,
      observeOnly: true,
    });
  });
});

describe("the template of a pool whose machines boot from bundles", () => {
  const policies = (parameters: Record<string, string>) =>
    Object.values(
      withParameters(poolTemplate, {
        Cluster: "eu",
        Pool: "workers",
        AutoScalingGroupName: "workers-1",
        ...parameters,
      }),
    ).filter(({ Type }) => Type === "AWS::IAM::Policy");

  it("lets their role read what the pool runs, and report", () => {
    const [policy, ...others] = policies({ BundleBucket: "bundles", MachineRole: "machines" });
    assert.deepEqual(others, []);
    assert.deepEqual(policy?.Properties?.["Roles"], ["machines"]);
    const place = { region: "eu-central-1", account: "111122223333", stackName: "Pool" };
    const { resolve } = createResolver({ Resources: {} }, place);
    const text = JSON.stringify(resolve(policy?.Properties));
    assert.match(text, /:s3:::bundles\/channels\/workers"/);
    assert.match(text, /:s3:::bundles\/reports\/workers\/\$\{aws:userid\}"/);
  });

  it("leaves that out when either is", () => {
    assert.deepEqual(policies({}), []);
    assert.deepEqual(policies({ BundleBucket: "bundles" }), []);
    assert.deepEqual(policies({ MachineRole: "machines" }), []);
  });
});

describe("the template of a store of bundles", () => {
  const given = { CodeBucket: "code", CodePrefix: "drover/0.1.0/", Cluster: "eu" };
  const resources = Object.values(withParameters(bundlesTemplate, given));
  const find = (type: string) => resources.find(({ Type }) => Type === type)?.Properties;

  it("needs no bootstrap and no assets", () => {
    const text = JSON.stringify(bundlesTemplate);
    assert.doesNotMatch(text, /cdk-hnb659fds|BootstrapVersion|aws:asset|aws:cdk:path|CDKMetadata/);
  });

  it("stores the scripts that its function brings along", () => {
    const code = find("AWS::Lambda::Function")?.["Code"] as Record<string, string> | undefined;
    assert.equal(code?.["S3Bucket"], "code");
    const key = code["S3Key"] ?? "";
    const files = unzipSync(read(join("functions", key.slice("drover/0.1.0/".length))));
    const found = createHash("sha256")
      .update(files[scriptsFile] ?? "")
      .digest("hex");
    assert.equal(found, find("Custom::DroverBundleStore")?.["Scripts"]);
  });

  it("lets a changed parameter reach executions that run already", () => {
    assert.equal(
      find("AWS::StepFunctions::StateMachine")?.["StateMachineName"],
      "drover-eu-publish-bundle",
    );
    assert.ok(!resources.some(({ Type }) => Type === "AWS::Lambda::Version"));
  });

  it("is named after its cluster", () => {
    assert.equal(find("AWS::SSM::Parameter")?.["Name"], "/drover/eu/bundles");
    assert.equal(find("AWS::KMS::Alias")?.["AliasName"], "alias/drover-eu-bundles");
  });
});
