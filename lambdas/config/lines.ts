/**
 * The common ground of all texts that a machine reads: lines of words, the
 * first of which says what the line is. `docs/bundle-format.md` has the formats.
 */

/** A text is not what its format says; the message names the line and what is wrong with it. */
export class FormatError extends Error {
  override readonly name = "FormatError";
}

// A machine's shell reads line by line: no control character can be in a value, and no
// backslash, with which `echo` and `read` have their own ways.
// oxlint-disable-next-line no-control-regex
const unspeakable = /[\u0000-\u001f\u007f\u2028\u2029\\\ufffd]|^ | $/u;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @throws FormatError if the bytes are not UTF-8: another text would then be read than was signed */
export const textOf = (content: Uint8Array): string => {
  try {
    return utf8.decode(content);
  } catch {
    throw new FormatError("it is not UTF-8");
  }
};

/** Whether a value can stand at the end of a line, where it may contain spaces. */
export const isSpeakable = (value: string): boolean =>
  value !== "" && value.isWellFormed() && !unspeakable.test(value);

/** Whether a value can stand anywhere in a line. */
export const isWord = (value: string): boolean => isSpeakable(value) && !value.includes(" ");

const sha256Pattern = /^[0-9a-f]{64}$/;

export const isSha256 = (text: string): boolean => sha256Pattern.test(text);

/** What stands where there is no value. */
export const none = "-";

export const orNone = (value: string | undefined): string => value ?? none;

/**
 * One line, the last value of which may contain spaces.
 *
 * @throws FormatError if a value cannot be written: the caller should have checked it
 */
export const formatLine = (...values: readonly (string | number)[]): string => {
  const texts = values.map(String);
  texts.forEach((text, index) => {
    const last = index === texts.length - 1;
    if (last ? !isSpeakable(text) : !isWord(text)) {
      throw new FormatError(`${JSON.stringify(text)} cannot be a value of a ${texts[0]} line`);
    }
  });
  return `${texts.join(" ")}\n`;
};

export interface Line {
  /** From 1. */
  readonly number: number;
  readonly word: string;
  /** All after the word and its space. */
  readonly rest: string;
}

/** @throws FormatError unless the text is lines, the first of which names the format */
export const parseLines = (text: string, format: string): readonly Line[] => {
  if (!text.endsWith("\n")) throw new FormatError(`a ${format} has to end with a newline`);
  const lines = text.slice(0, -1).split("\n");
  if (lines[0] !== `${format} 1`) {
    throw new FormatError(
      `line 1: ${JSON.stringify(lines[0]?.slice(0, 80))} has to be "${format} 1"`,
    );
  }
  return lines.map((line, index): Line => {
    if (!isSpeakable(line)) {
      throw new FormatError(
        `line ${index + 1}: it is empty, or has control characters, backslashes or spaces at an end`,
      );
    }
    const space = line.indexOf(" ");
    return space < 0
      ? { number: index + 1, word: line, rest: "" }
      : { number: index + 1, word: line.slice(0, space), rest: line.slice(space + 1) };
  });
};

/**
 * Splits what follows the word of a line.
 *
 * @param count - of values; the last one takes all that is left
 * @throws FormatError when there are fewer
 */
export const valuesOf = (line: Line, count: number): string[] => {
  const words = line.rest.split(" ");
  if (words.length < count || words.slice(0, count).includes("")) {
    throw new FormatError(
      `line ${line.number}: ${line.word} has to be followed by ${count} values, each after one space`,
    );
  }
  return [...words.slice(0, count - 1), words.slice(count - 1).join(" ")];
};

/** @throws FormatError unless it is a digest */
export const sha256Of = (line: Line, text: string): string => {
  if (isSha256(text)) return text;
  throw new FormatError(
    `line ${line.number}: ${JSON.stringify(text)} is no SHA-256 in hexadecimal`,
  );
};

/** @throws FormatError unless it is a whole number that can be counted with */
export const numberOf = (line: Line, text: string): number => {
  const value = Number(text);
  if (/^(0|[1-9][0-9]*)$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new FormatError(`line ${line.number}: ${JSON.stringify(text)} is no whole number`);
};

const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** @throws FormatError unless it is ISO 8601 in UTC, in whole seconds */
export const timeOf = (line: Line, text: string): string => {
  if (timePattern.test(text) && !Number.isNaN(Date.parse(text))) return text;
  throw new FormatError(`line ${line.number}: ${JSON.stringify(text)} is no time in UTC`);
};

/**
 * The values of a text that has each word once and in this order.
 *
 * @throws FormatError
 */
export const parseFixed = (
  lines: readonly Line[],
  words: readonly string[],
): readonly (readonly [Line, string])[] =>
  words.map((word, index) => {
    const line = lines[index + 1];
    if (line?.word !== word) {
      throw new FormatError(`line ${index + 2}: it has to begin with "${word} "`);
    }
    const [value = ""] = valuesOf(line, 1);
    return [line, value];
  });
