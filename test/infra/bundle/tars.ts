import { encodeHeader, paddingOf, type TarEntry } from "../../../lambdas/config/tar.ts";

/** What lies under a path: the text of a file, or all of an entry. */
export type Content = string | (Partial<TarEntry> & { readonly content?: string | Uint8Array });

const piece = (path: string, given: Content): Buffer => {
  const { content = "", ...rest } = typeof given === "string" ? { content: given } : given;
  const bytes = Buffer.from(content as string);
  const kind = rest.kind ?? "file";
  const entry = { path, kind, ...(kind === "file" && { size: bytes.length }), ...rest };
  return Buffer.concat([encodeHeader(entry), bytes, Buffer.alloc(paddingOf(bytes.length))]);
};

export const endOfTar = Buffer.alloc(1024);

/** A tar of some entries, in the order in which they are given, without its end. */
export const beginTar = (...entries: readonly (readonly [path: string, content: Content])[]) =>
  Buffer.concat(entries.map(([path, content]) => piece(path, content)));

/** A whole tar; the paths have to be in their order. */
export const makeTar = (entries: Readonly<Record<string, Content>>): Buffer =>
  Buffer.concat([beginTar(...Object.entries(entries)), endOfTar]);
