import assert from "node:assert/strict";
import { globSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { DescriptionInput } from "../../../infra/bundle/rules/source-schema.ts";
import type { Source } from "./publisher.ts";

const example = join(import.meta.dirname, "..", "..", "..", "examples", "pool");

/** A file of the example pool. */
export const readExample = (path: string): string => readFileSync(join(example, path), "utf8");

/** The example as it is, but for what belongs to others here. */
export const replaceAll = (text: string, changes: Readonly<Record<string, string>>): string =>
  Object.entries(changes).reduce((changed, [from, to]) => {
    assert.ok(changed.includes(from), `the example has no ${from}`);
    return changed.replaceAll(from, to);
  }, text);

/**
 * The whole example pool, ready to publish.
 *
 * @param changes - replacements by the absolute paths of files
 * @param more - files that a pool adds
 */
export const composeExample = (
  changes: Readonly<Record<string, Readonly<Record<string, string>>>>,
  more: Readonly<Record<string, string>>,
  description: Partial<DescriptionInput>,
): Source => {
  const paths = globSync("**", { cwd: join(example, "files") }).filter((path) =>
    statSync(join(example, "files", path)).isFile(),
  );
  const files = paths.map((path) => [
    `/${path}`,
    replaceAll(readExample(`files/${path}`), changes[`/${path}`] ?? {}),
  ]);
  const own = parse(readExample("bundle.yaml")) as DescriptionInput;
  const executable = ["/etc/init.d/*", "/etc/periodic/*/*"].map((path) => ({ path, mode: "0755" }));
  return {
    files: { ...Object.fromEntries(files), ...more },
    hooks: { "make-users": readExample("hooks/make-users") },
    description: { ...own, files: [...(own.files ?? []), ...executable], ...description },
  };
};
