import {
  FormatError,
  formatLine,
  type Line,
  none,
  numberOf,
  orNone,
  parseFixed,
  parseLines,
  sha256Of,
  timeOf,
  valuesOf,
} from "./lines.ts";

export const moves = ["published", "promoted", "rolled-back", "withdrawn"] as const;
export type Move = (typeof moves)[number];

/** One move of a channel. */
export interface Step {
  readonly serial: number;
  /** ISO 8601 in UTC, whole seconds. */
  readonly time: string;
  readonly move: Move;
  /** The bundle that was moved. */
  readonly sha256: string;
  /** Of the source, such as a commit. */
  readonly revision?: string | undefined;
  readonly who: string;
}

/** Which bundles a pool runs. */
export interface Channel {
  readonly pool: string;
  /** Raised by every move; a machine accepts no lower one than it has seen. */
  readonly serial: number;
  /** ISO 8601 in UTC, whole seconds. */
  readonly issued: string;
  readonly current?: string | undefined;
  readonly candidate?: string | undefined;
  /** What was current before. */
  readonly previous?: string | undefined;
  /** The oldest first; the last one made the channel what it is. */
  readonly history: readonly Step[];
}

/** How many moves a channel remembers. */
export const historyLength = 50;

const format = "drover-channel";
const words = ["pool", "serial", "issued", "current", "candidate", "previous"] as const;

/** The text of a channel without its signature: what is signed. */
export const formatChannel = (channel: Channel): string =>
  [
    formatLine(format, 1),
    formatLine("pool", channel.pool),
    formatLine("serial", channel.serial),
    formatLine("issued", channel.issued),
    formatLine("current", orNone(channel.current)),
    formatLine("candidate", orNone(channel.candidate)),
    formatLine("previous", orNone(channel.previous)),
    ...channel.history.map(({ serial, time, move, sha256, revision, who }) =>
      formatLine("history", serial, time, move, sha256, orNone(revision), who),
    ),
  ].join("");

/** @param signature - DER */
export const signChannel = (text: string, signature: Uint8Array): string =>
  text + formatLine("signature", Buffer.from(signature).toString("base64"));

/**
 * Parts a channel into what is signed and the signature.
 *
 * @throws FormatError if its last line is no signature
 */
export const splitChannel = (
  signed: string,
): { readonly text: string; readonly signature: Buffer } => {
  const found = /(?<=\n)signature ([A-Za-z0-9+/]{2,}={0,2})\n$/.exec(signed);
  if (!found?.[1]) throw new FormatError("a channel has to end with its signature");
  return { text: signed.slice(0, found.index), signature: Buffer.from(found[1], "base64") };
};

const parseStep = (line: Line): Step => {
  if (line.word !== "history") {
    throw new FormatError(`line ${line.number}: ${line.word} is no word of a channel here`);
  }
  const [serial = "", time = "", word, sha256 = "", revision, who = ""] = valuesOf(line, 6);
  const move = moves.find((each) => each === word);
  if (!move) throw new FormatError(`line ${line.number}: ${word} is no move of a channel`);
  return {
    serial: numberOf(line, serial),
    time: timeOf(line, time),
    move,
    sha256: sha256Of(line, sha256),
    ...(revision !== none && { revision }),
    who,
  };
};

/**
 * Reads the text of a channel, without its signature.
 *
 * @throws FormatError
 */
export const parseChannel = (text: string): Channel => {
  const lines = parseLines(text, format);
  const [pool, serial, issued, current, candidate, previous] = parseFixed(lines, words);
  if (!pool || !serial || !issued || !current || !candidate || !previous) {
    throw new FormatError("a channel has to name pool, serial, time and bundles");
  }
  const bundle = ([line, value]: readonly [Line, string]) =>
    value === none ? undefined : sha256Of(line, value);
  return {
    pool: pool[1],
    serial: numberOf(...serial),
    issued: timeOf(...issued),
    current: bundle(current),
    candidate: bundle(candidate),
    previous: bundle(previous),
    history: lines.slice(words.length + 1).map(parseStep),
  };
};
