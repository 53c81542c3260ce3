import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parse } from "valibot";
import { poolParameterPrefix } from "../../infra/names.ts";
import { makeRelease } from "../../infra/release.ts";
import { clusterTag, poolTag, retireHookName } from "../../lambdas/retire/hook-names.ts";
import { poolSettings } from "../../lambdas/runtime/pool-settings.ts";
import { runPythonTool } from "../tools/python.ts";

const folder = join(import.meta.dirname, "..", "..", "examples", "terraform");

type Block = Readonly<Record<string, unknown>>;

/** Texts keep their quotes in what the parser gives. */
const unquote = (value: unknown): unknown => {
  if (typeof value === "string") return value.replace(/^"(.*)"$/s, "$1");
  if (Array.isArray(value)) return value.map(unquote);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== "__is_block__")
      .map(([key, item]) => [String(unquote(key)), unquote(item)]),
  );
};

const read = (file: string): Readonly<Record<string, readonly Block[]>> => {
  const { output, code } = runPythonTool("hcl2tojson", [join(folder, file)]);
  assert.equal(code, 0, output);
  return unquote(JSON.parse(output)) as Record<string, Block[]>;
};

const pool = read("pool.tf");
const drover = read("drover.tf");
const [locals = {}] = pool["locals"] ?? [];

const resource = (file: typeof pool, type: string, name: string): Block => {
  const found = (file["resource"] ?? [])
    .map((one) => (one[type] as Readonly<Record<string, Block>> | undefined)?.[name])
    .find((one) => one !== undefined);
  assert.ok(found, `${type}.${name}`);
  return found;
};

/** With the locals put in. */
const text = (value: unknown): string =>
  String(value).replace(/\$\{local\.(\w+)\}/g, (_, name: string) => String(locals[name]));

const block = (of: Block, name: string): Block[] => of[name] as Block[];

describe("the group that Terraform makes", () => {
  const group = resource(pool, "aws_autoscaling_group", "workers");
  const cluster = String(locals["cluster"]);

  it("carries its hook in itself, under Drover's name", () => {
    const [hook] = block(group, "initial_lifecycle_hook");
    assert.equal(text(hook?.["name"]), retireHookName(cluster));
    assert.equal(hook?.["lifecycle_transition"], "autoscaling:EC2_INSTANCE_TERMINATING");
    assert.equal(hook["default_result"], "CONTINUE");
    assert.equal(hook["heartbeat_timeout"], 1728);
  });

  it("has the tags by which Drover may act on it", () => {
    const tags = block(group, "tag").map(({ key, value, propagate_at_launch }) => ({
      key,
      value: text(value),
      propagate_at_launch,
    }));
    assert.deepEqual(tags, [
      { key: clusterTag, value: cluster, propagate_at_launch: false },
      { key: poolTag, value: locals["pool"], propagate_at_launch: false },
    ]);
  });

  it("is destroyed before what answers its hook", () => {
    assert.deepEqual(group["depends_on"], [
      "${aws_cloudformation_stack.drover}",
      "${aws_ssm_parameter.workers}",
    ]);
  });

  it("has settings that the functions read, where they look for them", () => {
    const parameter = resource(pool, "aws_ssm_parameter", "workers");
    assert.equal(
      text(parameter["name"]),
      `${poolParameterPrefix(cluster)}${String(locals["pool"])}`,
    );
    assert.equal(parameter["value"], "${jsonencode(local.settings)}");
    assert.deepEqual(parse(poolSettings, locals["settings"]), locals["settings"]);
  });
});

describe("the Drover that Terraform deploys", () => {
  const stack = resource(drover, "aws_cloudformation_stack", "drover");

  it("is the release's, with parameters that it has, and none missing", () => {
    const bytes = makeRelease().files.get("drover.template.json");
    const { Parameters } = JSON.parse(Buffer.from(bytes ?? []).toString()) as {
      Parameters: Record<string, { Default?: unknown }>;
    };
    const given = new Set(Object.keys(stack["parameters"] as object));
    for (const name of given) assert.ok(name in Parameters, name);
    for (const [name, { Default }] of Object.entries(Parameters)) {
      assert.ok(Default !== undefined || given.has(name), name);
    }
  });

  it("puts its functions where the template looks for them", () => {
    const functions = resource(drover, "aws_s3_object", "functions");
    const { CodePrefix } = stack["parameters"] as { CodePrefix: string };
    assert.equal(functions["key"], `${CodePrefix}\${each.value}`);
    assert.deepEqual(stack["capabilities"], ["CAPABILITY_IAM"]);
  });

  it("asks for nothing that is not a variable", () => {
    const declared = new Set(
      (read("variables.tf")["variable"] ?? []).flatMap((one) => Object.keys(one)),
    );
    for (const file of ["pool.tf", "drover.tf"]) {
      const used = readFileSync(join(folder, file), "utf8").matchAll(/\bvar\.(\w+)/g);
      for (const [, name] of used) assert.ok(declared.has(name ?? ""), name);
    }
  });
});
