/** One figure of a benchmark. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit:
    | "KB"
    | "ms"
    | "s"
    | "MB"
    | "calls"
    | "per s"
    | "times"
    | "transitions"
    | "hooks"
    | "drains"
    | "$";
  /** A value of the same unit and meaning to compare it with, and what that is. */
  readonly against?: { readonly what: string; readonly value: number };
  /** The most that it should be. */
  readonly aim?: number;
}

/** Something that is measured: one file in this folder, named in `run.ts`. */
export interface Benchmark {
  readonly name: string;
  /** @param report - is told what takes its time */
  readonly run: (report: (line: string) => void) => Promise<readonly Figure[]>;
}

/** The middle one of several measurements, which a busy moment of the machine does not move. */
export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error("nothing was measured");
  return middle;
};
