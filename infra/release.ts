import { createHash } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { App, type Stack } from "aws-cdk-lib";
import { zipSync } from "fflate";
import type { Task } from "../stepfunctions/tasks.ts";
import { BundleStack } from "./bundle-stack.ts";
import { buildFunctions, type DeployFunction } from "./function-code.ts";
import { PoolStack } from "./pool-stack.ts";
import { ReleaseStack, type ZipOf } from "./release-stack.ts";
import { taskNames } from "./task-names.ts";

/**
 * What a team without CDK deploys:
 *
 * ```
 * drover.template.json          Drover itself
 * drover-pool.template.json     one group as a pool of it
 * drover-bundles.template.json  where bundles are published
 * functions/*.zip               to be put into the bucket CodeBucket under CodePrefix
 * SHA256SUMS                    of all of these
 * ```
 *
 * The same sources give the same bytes.
 */
export interface Release {
  /** By their paths in the release. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** 1980 began here as everywhere: zip files know local time alone, and none earlier. */
const epoch = new Date(1980, 0, 1);

/** Of a regular file that everybody may read, on Unix. */
const unixFile = { os: 3, attrs: 0o100644 << 16, mtime: epoch, level: 9 } as const;

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

interface Zip {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** All that its templates name: who has no CDK publishes with the command line. */
const released: readonly (Task | DeployFunction)[] = [...taskNames, "deploy/prepare-store"];

const zipFunctions = (): Map<Task | DeployFunction, Zip> => {
  const built = buildFunctions();
  return new Map(
    released.map((task) => {
      const own = built.filter(({ path }) => path.startsWith(`${task}/`));
      const bytes = zipSync(
        Object.fromEntries(
          own.map(({ path, contents }) => [
            path.slice(task.length + 1),
            [contents, unixFile] as const,
          ]),
        ),
      );
      // The content is in the name: CloudFormation sees new code by its new key alone.
      const name = `${task.replace("/", "-")}-${sha256(bytes).slice(0, 16)}.zip`;
      return [task, { name, bytes }];
    }),
  );
};

export const makeRelease = (): Release => {
  const zips = zipFunctions();
  const app = new App({
    analyticsReporting: false,
    treeMetadata: false,
    builtinCloudFormationValidation: false,
    context: {
      "aws:cdk:enable-path-metadata": false,
      "@aws-cdk/aws-iam:minimizePolicies": false,
    },
  });
  const zipOf: ZipOf = (name) => zips.get(name)?.name ?? "";
  const drover = new ReleaseStack(app, "Drover", { zipOf });
  const pool = new PoolStack(app, "Pool");
  const bundles = new BundleStack(app, "Bundles", { zipOf });
  const assembly = app.synth();
  const template = (stack: Stack): unknown => assembly.getStackArtifact(stack.artifactId).template;
  const json = (value: unknown) => Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`);

  const files = new Map<string, Uint8Array>([
    ["drover.template.json", json(template(drover))],
    ["drover-pool.template.json", json(template(pool))],
    ["drover-bundles.template.json", json(template(bundles))],
    ...[...zips.values()].map(({ name, bytes }) => [`functions/${name}`, bytes] as const),
  ]);
  const sums = [...files].map(([path, bytes]) => `${sha256(bytes)}  ${path}\n`).join("");
  return { files: new Map([...files, ["SHA256SUMS", Buffer.from(sums)]]) };
};

/** Writes a release into a folder, in the place of what was there. */
export const writeRelease = (folder: string): void => {
  const { files } = makeRelease();
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "functions"), { recursive: true });
  for (const [path, bytes] of files) writeFileSync(join(folder, path), bytes);
};

if (import.meta.main) writeRelease(join(import.meta.dirname, "..", "dist", "release"));
