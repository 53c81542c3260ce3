import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { droverTaskNames } from "../../infra/task-names.ts";

/** The package as npm packs it, in an app that has nothing but what it asks for. */

const root = join(import.meta.dirname, "..", "..");
const folder = realpathSync(mkdtempSync(join(tmpdir(), "drover-package-")));
after(() => rmSync(folder, { recursive: true }));

const installed = join(folder, "node_modules", "drover");
const run = (command: string, args: readonly string[], cwd = folder): string =>
  execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });

const assetsOf = (outdir: string): string[] =>
  readdirSync(outdir).filter((name) => name.startsWith("asset."));

const appOf = (imports: string, outdir: string) => `${imports}
const app = new App({ outdir: ${JSON.stringify(outdir)}, analyticsReporting: false });
const stack = new Stack(app, "Nomad");
const vpc = new Vpc(stack, "Vpc");
const drover = new Drover(stack, "Drover", {
  nomad: { address: "https://nomad.internal:4646" },
  vpc,
});
const workers = new AutoScalingGroup(stack, "Workers", {
  vpc,
  instanceType: new InstanceType("t3.micro"),
  machineImage: MachineImage.latestAmazonLinux2023(),
});
drover.manage(workers, { pool: "workers", drainDeadline: Duration.minutes(5) });
app.synth();
`;

const esm = `import { App, Duration, Stack } from "aws-cdk-lib";
import { AutoScalingGroup } from "aws-cdk-lib/aws-autoscaling";
import { InstanceType, MachineImage, Vpc } from "aws-cdk-lib/aws-ec2";
import { Drover } from "drover";`;

const commonJs = `const { App, Duration, Stack } = require("aws-cdk-lib");
const { AutoScalingGroup } = require("aws-cdk-lib/aws-autoscaling");
const { InstanceType, MachineImage, Vpc } = require("aws-cdk-lib/aws-ec2");
const { Drover } = require("drover");`;

before(() => {
  const [packed] = JSON.parse(
    run("npm", ["pack", "--json", "--silent", "--pack-destination", folder], root),
  ) as { filename: string }[];
  mkdirSync(installed, { recursive: true });
  run("tar", ["-xzf", packed?.filename ?? "", "--strip-components=1", "-C", installed]);
  const { dependencies, peerDependencies } = JSON.parse(
    readFileSync(join(installed, "package.json"), "utf8"),
  ) as Record<"dependencies" | "peerDependencies", Record<string, string>>;
  for (const name of Object.keys({ ...dependencies, ...peerDependencies })) {
    const link = join(folder, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, "node_modules", name), link);
  }
});

describe("the package", () => {
  it("serves apps in JavaScript, with its functions finished", () => {
    writeFileSync(join(folder, "app.mjs"), appOf(esm, join(folder, "esm.out")));
    run(process.execPath, ["app.mjs"]);
    const assets = assetsOf(join(folder, "esm.out"));
    assert.equal(assets.length, droverTaskNames.length);
    for (const asset of assets) {
      assert.ok(existsSync(join(folder, "esm.out", asset, "index.mjs")));
    }
  });

  it("serves apps in CommonJS, as cdk init makes them", () => {
    writeFileSync(join(folder, "app.cjs"), appOf(commonJs, join(folder, "cjs.out")));
    run(process.execPath, ["app.cjs"]);
    assert.equal(assetsOf(join(folder, "cjs.out")).length, droverTaskNames.length);
  });

  it("packs the bundle of a pool, in apps of either kind of module", () => {
    const source = join(root, "examples", "pool");
    const bundleApp = (imports: string, outdir: string) => `${imports}
const app = new App({ outdir: ${JSON.stringify(outdir)}, analyticsReporting: false });
const stack = new Stack(app, "Bundles");
const store = new BundleStore(stack, "Store");
const { sha256 } = new ConfigBundle(stack, "Workers", {
  store,
  pool: "workers",
  source: ${JSON.stringify(source)},
});
app.synth();
process.stdout.write(sha256);
`;
    const dry = run(process.execPath, [
      join(installed, "dist", "cli", "drover.js"),
      "publish",
      source,
      "--pool=workers",
      "--dry-run",
      "--json",
    ]);
    const { bundle } = JSON.parse(dry) as { readonly bundle: string };
    for (const [file, imports] of [
      [
        "bundle.mjs",
        `import { App, Stack } from "aws-cdk-lib";
import { BundleStore, ConfigBundle } from "drover";`,
      ],
      [
        "bundle.cjs",
        `const { App, Stack } = require("aws-cdk-lib");
const { BundleStore, ConfigBundle } = require("drover");`,
      ],
    ] as const) {
      const outdir = join(folder, `${file}.out`);
      writeFileSync(join(folder, file), bundleApp(imports, outdir));
      assert.equal(run(process.execPath, [file]), bundle);
      assert.equal(assetsOf(outdir).filter((name) => name.endsWith(".tar.gz")).length, 1);
    }
  });

  it("serves apps in TypeScript, in either kind of module, with types that hold", () => {
    const options = (module: string, moduleResolution: string) => ({
      compilerOptions: {
        module,
        moduleResolution,
        target: "es2022",
        // CDK itself needs the second.
        lib: ["es2022", "esnext.disposable"],
        types: [],
        strict: true,
        noEmit: true,
      },
    });
    for (const [type, module, resolution] of [
      ["module", "nodenext", "nodenext"],
      ["commonjs", "nodenext", "nodenext"],
      ["module", "preserve", "bundler"],
    ] as const) {
      const app = join(folder, `typescript-${type}-${module}`);
      mkdirSync(app);
      symlinkSync(join(folder, "node_modules"), join(app, "node_modules"));
      writeFileSync(join(app, "package.json"), JSON.stringify({ type }));
      writeFileSync(join(app, "app.ts"), appOf(esm, "out"));
      writeFileSync(
        join(app, "wrong.ts"),
        `import { Drover } from "drover";
export const wrong = (stack: never, vpc: never) =>
  // @ts-expect-error A token is a secret, never a text.
  new Drover(stack, "Drover", { nomad: { address: "https://nomad", token: "text" }, vpc });
`,
      );
      writeFileSync(
        join(app, "tsconfig.json"),
        JSON.stringify({ ...options(module, resolution), files: ["app.ts", "wrong.ts"] }),
      );
      run(join(root, "node_modules", ".bin", "tsc"), ["--project", "."], app);
    }
  });

  it("has its command", () => {
    const { bin } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as {
      bin: { drover: string };
    };
    const command = join(installed, bin.drover);
    assert.match(readFileSync(command, "utf8"), /^#!\/usr\/bin\/env node\n/);
    assert.match(run(process.execPath, [command, "--help"]), /Usage: drover/);
    // With nothing but what the package asks for.
    for (const what of ["scale-in", "publish"])
      assert.match(run(process.execPath, [command, "rehearse", what]), /all invariants held/);
  });

  it("builds the real agents from what it holds", () => {
    // Without a compiler it gets as far as asking for one.
    const bin = join(folder, "only-a-shell");
    mkdirSync(bin);
    symlinkSync("/bin/sh", join(bin, "sh"));
    const { status, stderr } = spawnSync(
      process.execPath,
      [join(installed, "dist", "cli", "drover.js"), "rehearse", "scale-in", "--live"],
      { cwd: folder, encoding: "utf8", env: { PATH: bin, XDG_CACHE_HOME: folder } },
    );
    assert.match(stderr, /nomad is not here and cannot be built, since there is no Go/);
    assert.notEqual(status, 0);
    for (const agent of ["nomad", "consul"]) {
      assert.ok(existsSync(join(installed, "docs", "policies", `${agent}-drover.policy.hcl`)));
    }
  });

  it("holds no source, no test and nothing of a release", () => {
    const files = readdirSync(installed, { recursive: true, encoding: "utf8" });
    const unwanted = files.filter(
      (file) =>
        (file.endsWith(".ts") && !file.endsWith(".d.ts")) ||
        /^(test|dist\/release|dist\/test)\b/.test(file),
    );
    assert.deepEqual(unwanted, []);
  });
});
