/** What a part of the tests has shown. */
export interface Outcome {
  readonly passed: number;
  readonly failures: readonly Failure[];
  readonly skipped: readonly Skipped[];
}

export interface Failure {
  /** The file, and the names of suites and test. */
  readonly where: string;
  readonly details: string;
}

/** A test that did not run. */
export interface Skipped {
  readonly where: string;
  readonly reason: string;
}

export const nothing: Outcome = { passed: 0, failures: [], skipped: [] };

export const addUp = (outcomes: readonly Outcome[]): Outcome => ({
  passed: outcomes.reduce((sum, { passed }) => sum + passed, 0),
  failures: outcomes.flatMap(({ failures }) => failures),
  skipped: outcomes.flatMap(({ skipped }) => skipped),
});

/** Where a test that did not run proves nothing, it has failed. */
export const countSkippedAsFailed = ({ passed, failures, skipped }: Outcome): Outcome => ({
  passed,
  failures: [
    ...failures,
    ...skipped.map(({ where, reason }) => ({ where, details: `did not run: ${reason}` })),
  ],
  skipped: [],
});
