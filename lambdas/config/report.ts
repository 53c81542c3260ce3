import {
  FormatError,
  type Line,
  none,
  numberOf,
  parseFixed,
  parseLines,
  sha256Of,
  timeOf,
} from "./lines.ts";

export const reportStates = ["ready", "kept", "went-back", "failed"] as const;
export type ReportState = (typeof reportStates)[number];

/** What a machine said of itself at its last boot, or when it last followed its channel. */
export interface Report {
  readonly pool: string;
  /** ISO 8601 in UTC, whole seconds. */
  readonly time: string;
  readonly state: ReportState;
  /** What it runs; absent when it came to none. */
  readonly bundle?: string | undefined;
  readonly serial?: number | undefined;
  /** How long the run took. */
  readonly seconds: number;
  /** What was done last. */
  readonly step: string;
  readonly reason?: string | undefined;
  readonly services: readonly { readonly name: string; readonly health: string }[];
}

const format = "drover-report";
const words = ["pool", "time", "state", "bundle", "serial", "seconds", "step", "reason"] as const;

const stateOf = (line: Line, text: string): ReportState => {
  const state = reportStates.find((each) => each === text);
  if (state) return state;
  throw new FormatError(`line ${line.number}: ${text} is none of ${reportStates.join(", ")}`);
};

/** @throws FormatError */
export const parseReport = (text: string): Report => {
  const lines = parseLines(text, format);
  const [pool, time, state, bundle, serial, seconds, step, reason] = parseFixed(lines, words);
  if (!pool || !time || !state || !bundle || !serial || !seconds || !step || !reason)
    throw new FormatError(
      "a report has to say pool, time, state, bundle, serial, seconds, step and reason",
    );
  const unlessNone = ([line, value]: readonly [Line, string]):
    | readonly [Line, string]
    | undefined => (value === none ? undefined : [line, value]);
  const [digest, number, why] = [unlessNone(bundle), unlessNone(serial), unlessNone(reason)];
  return {
    pool: pool[1],
    time: timeOf(...time),
    state: stateOf(...state),
    ...(digest && { bundle: sha256Of(...digest) }),
    ...(number && { serial: numberOf(...number) }),
    seconds: numberOf(...seconds),
    step: step[1],
    ...(why && { reason: why[1] }),
    services: lines.slice(words.length + 1).map((line) => {
      const space = line.rest.indexOf(" ");
      if (line.word !== "service" || space < 1)
        throw new FormatError(`line ${line.number}: ${line.word} is no line of a report here`);
      return { name: line.rest.slice(0, space), health: line.rest.slice(space + 1) };
    }),
  };
};
