import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const example = join(import.meta.dirname, "..", "..", "..", "examples", "pool");

/** A file of the example pool. */
export const readExample = (path: string): string => readFileSync(join(example, path), "utf8");

/** The example as it is, but for what belongs to others here. */
export const replaceAll = (text: string, changes: Readonly<Record<string, string>>): string =>
  Object.entries(changes).reduce((changed, [from, to]) => {
    assert.ok(changed.includes(from), `the example has no ${from}`);
    return changed.replaceAll(from, to);
  }, text);
