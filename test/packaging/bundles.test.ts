import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { synthesizeReference } from "../../infra/reference-app.ts";
import { taskNames } from "../../infra/task-names.ts";
import { type Elsewhere, startElsewhere } from "./elsewhere.ts";
import { installRic } from "./install-ric.ts";
import {
  credentials,
  type Invoked,
  invokePackaged,
  readDeployed,
  writeBundles,
} from "./packaged-function.ts";
import type { ReportedError } from "./runtime-api.ts";

const deployed = readDeployed();

describe("the bundles under Lambda's runtime interface client", { timeout: 120_000 }, () => {
  let client: string;
  let bundles: string;
  let elsewhere: Elsewhere;

  before(async () => {
    client = await installRic();
    bundles = await mkdtemp(join(tmpdir(), "drover-bundles-"));
    await writeBundles(bundles);
  });
  after(() => rm(bundles, { recursive: true, force: true }));
  beforeEach(async () => {
    elsewhere = await startElsewhere();
  });
  afterEach(() => elsewhere.close());

  const invoke = (task: string, event: unknown): Promise<Invoked> => {
    const found = deployed.find((one) => one.task === task);
    assert.ok(found, `the template has no function for ${task}`);
    return invokePackaged(found, event, { client, bundles, env: elsewhere.env });
  };

  it("are those of all tasks, under the Node and the handler that the template names", () => {
    assert.deepEqual(new Set(deployed.map(({ task }) => task)), new Set(taskNames));
    const functions = Object.values(
      synthesizeReference({ bundles: true }).template.Resources,
    ).filter(({ Type, Metadata }) => Type === "AWS::Lambda::Function" && Metadata?.["drover:task"]);
    const [major] = process.versions.node.split(".");
    for (const { Properties } of functions) {
      assert.equal(Properties?.["Runtime"], `nodejs${major}.x`);
      assert.equal(Properties["Handler"], "index.handler");
    }
  });

  for (const task of taskNames) {
    it(`start with their own environment, and refuse a wrong event by name: ${task}`, async () => {
      const { kind, body, lines } = await invoke(task, { nonsense: true });
      assert.equal(kind, "error");
      const { errorType, errorMessage, trace } = body as ReportedError;
      assert.equal(errorType, "InputRefused");
      assert.match(errorMessage, /Expected .+ but received/);
      // The source map works: a person sees a line of the sources.
      assert.ok(
        trace.some((line) => /lambdas\/runtime\/task\.ts:\d+/.test(line)),
        trace.join("\n"),
      );
      const [own, ...rest] = lines;
      const record = JSON.parse(own ?? "") as Record<string, unknown>;
      assert.equal(record["level"], "ERROR");
      assert.equal(record["message"], "the task failed");
      assert.match(String(record["request"]), /^0{8}-/);
      // The client says it once more, in its own way.
      assert.equal(rest.length, 1, rest.join("\n"));
      assert.match(rest[0] ?? "", /^\S+Z\t0{8}-\S+\tERROR\tInvoke Error/);
      assert.equal(elsewhere.connections(), 0);
    });
  }

  it("call AWS with the credentials that Lambda gives", async () => {
    const event = {
      id: "00000000-0000-4000-8000-000000000009",
      source: "aws.autoscaling",
      "detail-type": "EC2 Instance-terminate Lifecycle Action",
      account: "123456789012",
      region: "eu-west-1",
      time: "2026-03-01T12:00:00Z",
      detail: {
        LifecycleActionToken: "00000000-0000-4000-8000-000000000008",
        AutoScalingGroupName: "workers",
        LifecycleHookName: "drover-default/retire",
        EC2InstanceId: "i-00000000000000001",
        LifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
      },
    };
    const { kind } = await invoke("intake/intake", event);
    assert.equal(kind, "error");
    assert.ok(elsewhere.requests.length > 0);
    for (const { headers } of elsewhere.requests) {
      const { authorization = "" } = headers;
      assert.ok(authorization.startsWith("AWS4-HMAC-SHA256 "), authorization);
      assert.ok(authorization.includes(`Credential=${credentials.AWS_ACCESS_KEY_ID}/`));
      assert.equal(headers["x-amz-security-token"], credentials.AWS_SESSION_TOKEN);
    }
  });
});
