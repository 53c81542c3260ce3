import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import * as fc from "fast-check";
import { fitsHeader, type TarEntry } from "../../../lambdas/config/tar.ts";

/** What lies in a folder, by its path: kind, owner, mode and content. */
export const look = (root: string): Record<string, string> => {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    const { mode, uid, gid } = lstatSync(file);
    const path = relative(root, file);
    const facts = `${uid}:${gid} ${(mode & 0o777).toString(8)}`;
    if (entry.isSymbolicLink()) found[path] = `-> ${readlinkSync(file)}`;
    else if (entry.isDirectory()) found[path] = `folder ${facts}`;
    else found[path] = `${facts} ${readFileSync(file).toString("base64")}`;
  }
  return found;
};

const name = fc
  .oneof(
    {
      weight: 6,
      arbitrary: fc.stringMatching(
        /^[a-zéü日🚀0-9._~-][a-z0-9 ._~%*?$'"(){}&;<>|#!@=,+[\]-]{0,30}[a-zéü0-9]$/u,
      ),
    },
    // Of the lengths about which a header parts its path.
    { weight: 1, arbitrary: fc.integer({ min: 80, max: 101 }).map((length) => "l".repeat(length)) },
  )
  .filter((drawn) => drawn !== "..");
const path = fc
  .array(name, { minLength: 1, maxLength: 4 })
  .map((names) => names.join("/"))
  .filter((drawn) => !drawn.includes(" -> "));
const content = fc.oneof(
  fc.uint8Array({ maxLength: 3000 }),
  // About the size of a block.
  fc.constantFrom(0, 1, 511, 512, 513, 1024).map((size) => new Uint8Array(size).fill(97)),
);
const file = fc.record({ content, executable: fc.boolean() });

/** Anything that may lie in a source, by its path: a file, a folder, or a link to one of its files. */
export const trees = fc.dictionary(
  path,
  fc.oneof({ weight: 3, arbitrary: file }, fc.constant("folder"), fc.constant("link")),
  { maxKeys: 12 },
);

export type Tree = typeof trees extends fc.Arbitrary<infer T> ? T : never;

/** Whether the headers of an entry and of the folders above it have room for their paths. */
const fits = (entry: TarEntry): boolean => {
  const parts = entry.path.split("/");
  return (
    fitsHeader(entry) &&
    parts.every((_, index) =>
      fitsHeader(index === 0 ? entry : { path: parts.slice(0, index).join("/"), kind: "folder" }),
    )
  );
};

/**
 * Lays a tree out in a folder of a source, as far as its paths fit and do not stand in each other's
 * way.
 */
export const layOutTree = (source: string, folder: string, tree: Tree): void => {
  const files = Object.keys(tree).filter((drawn) => typeof tree[drawn] !== "string");
  for (const [index, [drawn, what]] of Object.entries(tree).entries()) {
    const path = `${folder}/${drawn}`;
    const kind = typeof what === "string" ? what : "file";
    const target = relative(dirname(drawn), files[index % files.length] ?? "nowhere") || "nowhere";
    if (!fits({ path, kind, ...(kind === "link" && { target }) })) continue;
    const at = join(source, path);
    try {
      mkdirSync(dirname(at), { recursive: true });
      if (what === "folder") mkdirSync(at);
      else if (what === "link") symlinkSync(target, at);
      else if (typeof what !== "string") {
        writeFileSync(at, what.content, { flag: "wx" });
        chmodSync(at, what.executable ? 0o755 : 0o644);
      }
    } catch (error) {
      if (!/EEXIST|ENOTDIR|ENOENT/.test(String(error))) throw error;
    }
  }
};
