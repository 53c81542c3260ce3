import type { IndexedEntry } from "../index-tar.ts";

export type Entries = ReadonlyMap<string, IndexedEntry>;

/** What differs between two bundles, by the paths in their tars, in the order of the tar. */
export interface Difference {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Of another content, kind, target, or right to be executed. */
  readonly changed: readonly string[];
}

const isSame = (one: IndexedEntry, other: IndexedEntry): boolean =>
  one.kind === other.kind &&
  one.sha256 === other.sha256 &&
  one.target === other.target &&
  (one.executable ?? false) === (other.executable ?? false);

export const compareTars = (before: Entries, after: Entries): Difference => ({
  added: [...after.keys()].filter((path) => !before.has(path)),
  removed: [...before.keys()].filter((path) => !after.has(path)),
  changed: [...after].flatMap(([path, entry]) => {
    const old = before.get(path);
    return old && !isSame(old, entry) ? [path] : [];
  }),
});
