import assert from "node:assert/strict";
import { registerHooks } from "node:module";

/** A small change of one file of the product: the text that is there, and the text that takes its place. */
export interface Patch {
  /** Path from the root of the repository. */
  readonly file: string;
  /** Text that the file has exactly once. */
  readonly find: string;
  readonly replace: string;
}

const root = new URL("../../", import.meta.url);
const parameter = "mutant";
/** What each version of the modules changes; the product as it is changes nothing. */
const patchesOf = new Map<string, readonly Patch[]>();
const applied = new Set<Patch>();

const versionOf = (url: string | undefined): string | undefined =>
  url?.startsWith(root.href) ? (new URL(url).searchParams.get(parameter) ?? undefined) : undefined;

const isOurs = (url: string): boolean =>
  url.startsWith(root.href) && !url.slice(root.href.length).startsWith("node_modules/");

/**
 * A patch whose text is no longer there would change nothing and be caught by
 * nobody; one whose text is there twice would change something else.
 */
const patch = (source: string, { file, find, replace }: Patch): string => {
  const found = source.split(find).length - 1;
  assert.equal(found, 1, `${file} has to have exactly once, and has ${found} times: ${find}`);
  return source.replace(find, () => replace);
};

// Every version of the modules is one of its own: what one of them imports has its
// version too, and nothing is kept from one to the next. Packages are shared.
registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    const version = versionOf(context.parentURL);
    if (version === undefined || !isOurs(resolved.url)) return resolved;
    const url = new URL(resolved.url);
    url.searchParams.set(parameter, version);
    return { ...resolved, url: url.href };
  },
  load(url, context, next) {
    const loaded = next(url, context);
    const version = versionOf(url);
    if (version === undefined) return loaded;
    const file = new URL(url).pathname.slice(root.pathname.length);
    const own = (patchesOf.get(version) ?? []).filter((each) => each.file === file);
    if (own.length === 0) return loaded;
    assert.ok(loaded.source, `${file} is not loaded as text`);
    const text =
      typeof loaded.source === "string" ? loaded.source : new TextDecoder().decode(loaded.source);
    for (const each of own) applied.add(each);
    return { ...loaded, source: own.reduce(patch, text) };
  },
});

/** Modules of one version of the product. */
export interface Version {
  /** Whether the functions alone differ from the product as it is. */
  readonly isOfFunctions: boolean;
  /** Imports a module by its path from the root of the repository. */
  load<Module>(file: string): Promise<Module>;
  /** @throws AssertionError when no module that was loaded has a patch in it */
  assertApplied(): void;
}

/** The product with some patches, beside every other version of it that this process has. */
export const versionWith = (name: string, patches: readonly Patch[]): Version => {
  assert.ok(!patchesOf.has(name), `there are two versions called ${name}`);
  patchesOf.set(name, patches);
  return {
    isOfFunctions: patches.every(({ file }) => file.startsWith("lambdas/")),
    load: async <Module>(file: string) => {
      const url = new URL(file, root);
      url.searchParams.set(parameter, name);
      return (await import(url.href)) as Module;
    },
    assertApplied: () => {
      for (const each of patches)
        assert.ok(applied.has(each), `nothing that was rehearsed loads ${each.file}`);
    },
  };
};
