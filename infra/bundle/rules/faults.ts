/** What is wrong with a source, so that a person finds it and knows what to do. */
export interface Fault {
  /** Relative to the folder of the source, with `/`. */
  readonly file: string;
  /** From 1; undefined when it is the file itself. */
  readonly line?: number | undefined;
  readonly message: string;
}

const compare = (one: Fault, other: Fault): number =>
  one.file === other.file
    ? (one.line ?? 0) - (other.line ?? 0)
    : Buffer.compare(Buffer.from(one.file), Buffer.from(other.file));

/** Names come from anybody's disk: nothing in them may steer a terminal. */
const shown = (text: string): string =>
  // oxlint-disable-next-line no-control-regex
  text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, (char) => JSON.stringify(char).slice(1, -1));

/** One fault a line, `file:line: what`, in the order of files and lines. */
export const renderFaults = (faults: readonly Fault[]): string =>
  faults
    .toSorted(compare)
    .map(({ file, line, message }) =>
      shown(`${file}${line === undefined ? "" : `:${line}`}: ${message}`),
    )
    .join("\n");
