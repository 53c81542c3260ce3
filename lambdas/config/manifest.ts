import { FormatError, formatLine, numberOf, parseFixed, parseLines, sha256Of } from "./lines.ts";

/** What an archive has to be: signed, and checked by a machine before it unpacks anything. */
export interface Manifest {
  readonly pool: string;
  /** The digest of the uncompressed tar, which is the name of the bundle. */
  readonly sha256: string;
  /** Of the uncompressed tar. */
  readonly bytes: number;
  /** Headers in the tar. */
  readonly entries: number;
}

const format = "drover-manifest";
const words = ["pool", "sha256", "bytes", "entries"] as const;

export const formatManifest = (manifest: Manifest): string =>
  formatLine(format, 1) + words.map((word) => formatLine(word, manifest[word])).join("");

/** @throws FormatError */
export const parseManifest = (text: string): Manifest => {
  const lines = parseLines(text, format);
  const [pool, sha256, bytes, entries] = parseFixed(lines, words);
  if (!pool || !sha256 || !bytes || !entries || lines.length !== words.length + 1) {
    throw new FormatError(`a manifest has ${words.length + 1} lines, and this has ${lines.length}`);
  }
  return {
    pool: pool[1],
    sha256: sha256Of(...sha256),
    bytes: numberOf(...bytes),
    entries: numberOf(...entries),
  };
};
