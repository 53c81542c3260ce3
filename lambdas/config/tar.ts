import { FormatError } from "./lines.ts";

/**
 * The tar of a bundle: plain ustar and nothing else. The digest of a bundle is
 * that of its tar, so each byte is said here and in `docs/bundle-format.md`, and
 * follows from no release of a library.
 */
export interface TarEntry {
  /** Without a slash at its end. */
  readonly path: string;
  readonly kind: "folder" | "file" | "link";
  /** Whether a file may be executed. */
  readonly executable?: boolean | undefined;
  /** Bytes of a file. */
  readonly size?: number | undefined;
  /** Of a link. */
  readonly target?: string | undefined;
}

export const blockSize = 512;

const flags = { file: "0", link: "2", folder: "5" } as const;

/** The path as it is in the archive, by which entries are sorted: a folder's ends in a slash. */
export const nameOf = ({ path, kind }: TarEntry): string => (kind === "folder" ? `${path}/` : path);

/** Bytewise: a folder comes before what is in it. */
export const compareEntries = (one: TarEntry, other: TarEntry): number =>
  Buffer.compare(Buffer.from(nameOf(one)), Buffer.from(nameOf(other)));

/**
 * Parts a path for the two fields of a header: at most 155 bytes before one of
 * its slashes, at most 100 after it.
 */
const splitName = (name: string): readonly [prefix: Buffer, rest: Buffer] | undefined => {
  const bytes = Buffer.from(name);
  if (bytes.length <= 100) return [Buffer.alloc(0), bytes];
  // The first slash that leaves few enough behind it; a name's own last slash parts nothing.
  const slash = bytes.indexOf("/", bytes.length - 101);
  if (slash < 1 || slash > 155 || slash === bytes.length - 1) return undefined;
  return [bytes.subarray(0, slash), bytes.subarray(slash + 1)];
};

/** Whether the paths of an entry fit into a header. */
export const fitsHeader = (entry: TarEntry): boolean =>
  splitName(nameOf(entry)) !== undefined && Buffer.byteLength(entry.target ?? "") <= 100;

/** The largest file of a ustar header, 8 GiB less one byte. */
export const largestFile = 0o77777777777;

const modeOf = ({ kind, executable }: TarEntry): number => {
  if (kind === "link") return 0o777;
  return kind === "folder" || executable ? 0o755 : 0o644;
};

const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, "0");

/**
 * One header of 512 bytes.
 *
 * @throws FormatError if a path or the size does not fit
 */
export const encodeHeader = (entry: TarEntry): Buffer => {
  const split = splitName(nameOf(entry));
  const { size = 0, target = "" } = entry;
  if (!split || !fitsHeader(entry) || size > largestFile) {
    throw new FormatError(`${entry.path} does not fit into a ustar header`);
  }
  const header = Buffer.alloc(blockSize);
  split[1].copy(header, 0);
  header.write(`${octal(modeOf(entry), 7)}\0`, 100);
  header.write(`${octal(0, 7)}\0`, 108);
  header.write(`${octal(0, 7)}\0`, 116);
  header.write(`${octal(size, 11)}\0`, 124);
  header.write(`${octal(0, 11)}\0`, 136);
  // The sum counts its own field as spaces.
  header.write(" ".repeat(8), 148);
  header.write(flags[entry.kind], 156);
  header.write(target, 157);
  header.write("ustar\x0000", 257);
  split[0].copy(header, 345);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148);
  return header;
};

const text = (header: Buffer, from: number, length: number): string => {
  const field = header.subarray(from, from + length);
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end < 0 ? length : end);
};

/**
 * Reads a header. Only one that `encodeHeader` would have written is accepted,
 * byte by byte: so nothing can be in an archive that two readers understand
 * differently.
 *
 * @throws FormatError
 */
export const decodeHeader = (header: Buffer): TarEntry => {
  const prefix = text(header, 345, 155);
  const name = `${prefix}${prefix === "" ? "" : "/"}${text(header, 0, 100)}`;
  const flag = text(header, 156, 1);
  const kind = (["file", "folder", "link"] as const).find((each) => flags[each] === flag);
  const entry: TarEntry | undefined = kind && {
    path: kind === "folder" ? name.replace(/\/$/, "") : name,
    kind,
    ...(kind === "file" && {
      executable: text(header, 100, 8) === "0000755",
      size: Number.parseInt(text(header, 124, 12), 8) || 0,
    }),
    ...(kind === "link" && { target: text(header, 157, 100) }),
  };
  if (!entry || !fitsHeader(entry) || !encodeHeader(entry).equals(header)) {
    throw new FormatError(`the archive has a header that no publisher writes: ${name}`);
  }
  return entry;
};

/** How many bytes of zeros follow a file. */
export const paddingOf = (size: number): number => (blockSize - (size % blockSize)) % blockSize;

/** The bytes of a whole tar. */
export const tarSize = (entries: readonly TarEntry[]): number =>
  entries.reduce((sum, { size = 0 }) => sum + blockSize + size + paddingOf(size), 2 * blockSize);
