import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks } from "cdk-nag";
import { referenceApp, synthesizeReference } from "../../infra/reference-app.ts";
import { taskMetadata } from "../../infra/task-function.ts";
import { droverTaskNames } from "../../infra/task-names.ts";
import { noCode } from "./apps.ts";
import { assertNoLint } from "./lint.ts";

const folder = mkdtempSync(join(tmpdir(), "drover-reference-"));
after(() => rmSync(folder, { recursive: true }));

const bundleSource = join(import.meta.dirname, "../../examples/pool");

describe("the reference app", () => {
  it("is clean under cdk-nag's AWS Solutions rules and CDK's own", () => {
    const { app, stack } = referenceApp(
      { code: noCode, bundles: true, bundleSource },
      {
        analyticsReporting: false,
        // As errors, not as warnings.
        context: { "@aws-cdk/core:validateAgainstDefaultRules": true },
      },
    );
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    // Throws when a finding is not acknowledged.
    app.synth();
    const acknowledged = stack.node
      .findAll()
      .flatMap(({ node }) => node.metadata)
      .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY);
    assert.ok(acknowledged.length > 20);
    for (const { data } of acknowledged) {
      for (const [rule, reason] of Object.entries(data as Record<string, string>)) {
        if (rule.includes("AwsSolutions")) assert.match(reason, /^[A-Z].*\.$/, rule);
      }
    }
  });

  it("is clean under cfn-lint, with and without what can be left out", () => {
    const templates = [
      synthesizeReference({ bundles: true, bundleSource }, join(folder, "whole")),
      synthesizeReference(
        { acls: false, tls: false, consulAddress: null, cluster: "small", pools: [] },
        join(folder, "small"),
      ),
    ].map(({ assembly }) => join(assembly.directory, "Drover.template.json"));
    assertNoLint(templates);
  });

  it("synthesizes without an account, as cdk does it, with the functions' code", () => {
    const outdir = join(folder, "cdk.out");
    execFileSync(process.execPath, ["infra/app.ts"], {
      cwd: join(import.meta.dirname, "..", ".."),
      env: { PATH: process.env["PATH"], CDK_OUTDIR: outdir },
      stdio: ["ignore", "inherit", "inherit"],
    });
    const assets = JSON.parse(readFileSync(join(outdir, "Drover.assets.json"), "utf8")) as {
      files: Record<string, { source: { path: string; packaging: string } }>;
    };
    const packed = Object.values(assets.files).filter(({ source }) => source.packaging === "zip");
    assert.equal(packed.length, droverTaskNames.length);
    for (const { source } of packed) {
      assert.ok(readFileSync(join(outdir, source.path, "index.mjs")).length > 0);
    }
  });

  it("tells for each function which task it does", () => {
    const { template } = synthesizeReference();
    const tasks = Object.values(template.Resources).flatMap(({ Type, Metadata }) =>
      Type === "AWS::Lambda::Function" ? [Metadata?.[taskMetadata]] : [],
    );
    assert.deepEqual(new Set(tasks), new Set(droverTaskNames));
    assert.equal(tasks.length, droverTaskNames.length);
  });

  it("has the pools that are asked for", () => {
    const { template } = synthesizeReference({
      cluster: "eu",
      slots: 2,
      pools: [{ pool: "one", slots: 2 }, { pool: "two" }],
    });
    const groups = Object.values(template.Resources).filter(
      ({ Type }) => Type === "AWS::AutoScaling::AutoScalingGroup",
    );
    assert.equal(groups.length, 2);
    for (const { Properties } of groups) {
      // A desired capacity would set the group back at every deployment.
      assert.equal(Properties?.["DesiredCapacity"], undefined);
    }
  });
});
