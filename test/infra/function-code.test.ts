import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { type BuiltFile, buildFunctions } from "../../infra/function-code.ts";
import { taskNames } from "../../infra/task-names.ts";

const root = join(import.meta.dirname, "..", "..");
const files = buildFunctions();
const textOf = ({ contents }: BuiltFile): string => Buffer.from(contents).toString("utf8");
const find = (path: string): BuiltFile => {
  const file = files.find((one) => one.path === path);
  assert.ok(file, path);
  return file;
};

const folder = mkdtempSync(join(tmpdir(), "drover-functions-"));
after(() => rmSync(folder, { recursive: true }));

const hashOf = (built: readonly BuiltFile[]) =>
  built
    .reduce((hash, { path, contents }) => hash.update(path).update(contents), createHash("sha256"))
    .digest("hex");

describe("the bundles", () => {
  it("are one module and its source map for each task", () => {
    assert.deepEqual(
      new Set(files.map(({ path }) => path)),
      new Set(taskNames.flatMap((task) => [`${task}/index.mjs`, `${task}/index.mjs.map`])),
    );
  });

  it("are the same bytes every time, in any process and from any folder", () => {
    assert.equal(hashOf(buildFunctions()), hashOf(files));
    const script = [
      `import { createHash } from "node:crypto";`,
      `import { buildFunctions } from ${JSON.stringify(join(root, "infra/function-code.ts"))};`,
      `const hash = createHash("sha256");`,
      `for (const { path, contents } of buildFunctions()) hash.update(path).update(contents);`,
      `process.stdout.write(hash.digest("hex"));`,
    ].join("\n");
    const elsewhere = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
      cwd: folder,
      encoding: "utf8",
    });
    assert.equal(elsewhere, hashOf(files));
  });

  it("say nothing of the machine on which they were made", () => {
    for (const file of files) {
      assert.ok(!textOf(file).includes(root), file.path);
    }
  });

  it("hold the AWS SDK themselves", () => {
    const text = textOf(find("retire/complete-hook/index.mjs"));
    assert.match(text, /CompleteLifecycleAction/);
    assert.doesNotMatch(text, /from ?"@(aws-sdk|smithy)/);
  });

  it("stay small: a container starts with them", () => {
    for (const { path, contents } of files) {
      // The one that has EC2's client: docs/decisions/0010-ec2-has-the-last-word.md.
      const most = path.startsWith("watch/plan-repairs/") ? 950_000 : 450_000;
      if (path.endsWith(".mjs")) assert.ok(contents.length < most, `${path}: ${contents.length}`);
    }
  });

  it("can be loaded by Lambda: a handler under its name, with nothing around it", () => {
    for (const task of taskNames) {
      const path = join(folder, task, "index.mjs");
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, find(`${task}/index.mjs`).contents);
    }
    // Away from node_modules, so that whatever is not in the bundle is missed.
    const script = taskNames
      .map(
        (task) =>
          `if (typeof (await import("./${task}/index.mjs")).handler !== "function") throw new Error("${task}");`,
      )
      .join("\n");
    execFileSync(process.execPath, ["--input-type=module", "-e", script], {
      cwd: folder,
      env: environment,
      stdio: ["ignore", "inherit", "inherit"],
    });
  });

  it("lead back to the sources in their maps", () => {
    const { sources } = JSON.parse(textOf(find("retire/find-node/index.mjs.map"))) as {
      sources: string[];
    };
    assert.ok(sources.some((source) => source.endsWith("lambdas/retire/find-node.ts")));
    assert.match(textOf(find("retire/find-node/index.mjs")), /sourceMappingURL=index\.mjs\.map/);
  });
});

/** All that any function is given. */
const environment = {
  PATH: process.env["PATH"],
  AWS_REGION: "eu-central-1",
  DROVER_CLUSTER: "default",
  DROVER_TABLE: "table",
  DROVER_STOP_PARAMETER: "/drover/default/stop",
  DROVER_POOL_PARAMETERS: "/drover/default/pools/",
  DROVER_CLUSTER_SLOTS: "1",
  DROVER_STATE_MACHINE: "arn:aws:states:eu-central-1:111122223333:stateMachine:drover",
  NOMAD_ADDR: "https://nomad.internal:4646",
  NOMAD_REGION: "global",
};
