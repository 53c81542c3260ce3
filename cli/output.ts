/** Where a command writes. Errors never go to `out`, which may be read by a program. */
export interface Output {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
}

/** What was asked for cannot be done as it was asked: the message names the remedy. */
export class BadArguments extends Error {
  override readonly name = "BadArguments";
}

/** What was asked for was begun, and came to no result: the message says why, and where to look. */
export class CannotFinish extends Error {
  override readonly name = "CannotFinish";
}

export const exitCodes = { fine: 0, broken: 1, badArguments: 2 } as const;
