import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { marshall } from "@aws-sdk/util-dynamodb";
import {
  type BuiltFile,
  buildFunctions,
  deployFunctions,
  inlineKeys,
} from "../../infra/function-code.ts";
import { packMachineScripts } from "../../infra/machine-user-data.ts";
import { taskNames } from "../../infra/task-names.ts";
import * as planRepairs from "../../lambdas/watch/plan-repairs.ts";
import type { Plan } from "../../lambdas/watch/reconciliation.ts";
import { type HandlerModule, startBench } from "../lambdas/bench.ts";
import { awsWith, clusterWith } from "../lambdas/watch/looks.ts";

const root = join(import.meta.dirname, "..", "..");
const files = buildFunctions();
const functions = [...taskNames, ...deployFunctions];
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
  it("are one module and its source map for each function", () => {
    const scripts = "deploy/prepare-store/scripts.tar.gz";
    assert.deepEqual(
      new Set(files.map(({ path }) => path)),
      new Set([
        ...functions.flatMap((name) => [`${name}/index.mjs`, `${name}/index.mjs.map`]),
        scripts,
      ]),
    );
    assert.ok(Buffer.from(find(scripts).contents).equals(packMachineScripts().archive));
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
    for (const { path, contents } of files)
      if (path.endsWith(".mjs"))
        assert.ok(contents.length < 450_000, `${path}: ${contents.length}`);
  });

  it("understand EC2 as the sources do, without what nobody uses of its client", async () => {
    const path = join(folder, "plan-repairs.mjs");
    writeFileSync(path, find("watch/plan-repairs/index.mjs").contents);
    const bundled = (await import(path)) as HandlerModule;
    const ids = ["i-0000000000000000a", "i-0000000000000000b", "i-0000000000000000c"];
    const bench = await startBench();
    try {
      for (const instanceId of ids)
        bench.dynamoDb.put(
          "records",
          marshall({
            pk: `instance#${instanceId}`,
            ownership: { instanceId, execution: "one", pool: "workers", phase: "retired" },
          }) as never,
        );
      bench.ec2.put({ id: ids[0]!, state: "terminated" });
      bench.ec2.put({ id: ids[1]!, state: "running" });
      const down = ids.map((instanceId) => ({ instanceId, nodeId: "node", name: instanceId }));
      const event = { aws: awsWith(), cluster: clusterWith({ down }) };
      const plan = await bench.call<Plan>(bundled, event);
      assert.deepEqual(plan, await bench.call<Plan>(planRepairs, event));
      assert.deepEqual(
        plan.forget.map(({ instanceId }) => instanceId),
        [ids[0], ids[2]],
      );
      assert.match(plan.findings.join(), /EC2 says that i-0000000000000000b is running/);
    } finally {
      bench.end();
    }
  });

  it("can be loaded by Lambda: a handler under its name, with nothing around it", () => {
    for (const task of functions) {
      const path = join(folder, task, "index.mjs");
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, find(`${task}/index.mjs`).contents);
    }
    // Away from node_modules, so that whatever is not in the bundle is missed.
    const script = functions
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

describe("keys that are constants", () => {
  it("become texts", () => {
    const code = 'var _xN = "xmlName";\nvar list = [{ [_xN]: _m, [_eQN]: 1 }];\n';
    assert.equal(
      inlineKeys(code),
      'var _xN = "xmlName";\nvar list = [{ "xmlName": _m, [_eQN]: 1 }];\n',
    );
  });

  it("are those of the module alone, and nothing else in brackets", () => {
    for (const code of [
      'function f() {\n  var _a = "a";\n  return { [_a]: 1 };\n}\n',
      'var _a = "a";\nvar b = c ? [_a] : 1;\n',
      'var _a = "a" + b;\nvar c = { [_a]: 1 };\n',
    ])
      assert.equal(inlineKeys(code), code);
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
