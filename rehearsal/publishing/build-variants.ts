import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { checkSource } from "../../infra/bundle/check-source.ts";
import { packBundle } from "../../infra/bundle/pack-bundle.ts";
import type { BuiltBundle } from "../../lambdas/config/store-bundle.ts";
import { packageRoot } from "../package-root.ts";

/** A bundle that was built from `examples/pool` with a small change. */
export interface Variant {
  readonly name: string;
  readonly built: BuiltBundle;
}

export const variantNames = ["first", "second", "third"] as const;
export type VariantName = (typeof variantNames)[number];

/** By their names. */
export type Variants = Readonly<Record<VariantName, Variant>>;

const build = async (source: string, name: VariantName, pool: string): Promise<Variant> => {
  writeFileSync(join(source, "files", "etc", "motd"), `This is the ${name} bundle.\n`);
  const pieces: Uint8Array[] = [];
  const store = {
    write: (bytes: Uint8Array) => void pieces.push(Uint8Array.from(bytes)),
    open: () => Readable.from([Buffer.concat(pieces)]),
  };
  return { name, built: await packBundle(await checkSource(source, pool), store) };
};

const buildAll = async (pool: string): Promise<Variants> => {
  const folder = mkdtempSync(join(tmpdir(), "drover-rehearsal-"));
  const source = join(folder, "pool");
  try {
    cpSync(join(packageRoot, "examples", "pool"), source, { recursive: true });
    return {
      first: await build(source, "first", pool),
      second: await build(source, "second", pool),
      third: await build(source, "third", pool),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const known = new Map<string, Promise<Variants>>();

/** Builds all variants for a pool, by the builder of `drover publish`: once for a process. */
export const buildVariants = (pool: string): Promise<Variants> => {
  const made = known.get(pool) ?? buildAll(pool);
  known.set(pool, made);
  return made;
};
