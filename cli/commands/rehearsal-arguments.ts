import { faultNames, readFaults, UnknownFaults } from "../../rehearsal/faults/catalogue.ts";
import { BadArguments, type Output } from "../output.ts";

export const largestSeed = 2 ** 32 - 1;

/** @throws BadArguments that names the option, its value and what would do */
export const wholeNumber = (option: string, text: string, least: number, most: number): number => {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new BadArguments(
    `--${option} ${text}: it has to be a whole number from ${least} to ${most}; for example --${option} ${Math.min(most, Math.max(least, 12))}`,
  );
};

/**
 * @param known - the faults of what is rehearsed
 * @throws BadArguments with the names that there are
 */
export const readFaultNames = (
  text: string,
  known: readonly string[] = faultNames,
): readonly string[] => {
  try {
    return readFaults(text, known);
  } catch (error) {
    if (error instanceof UnknownFaults) throw new BadArguments(`--faults ${error.message}`);
    throw error;
  }
};

/** What can go wrong, one a line, for a help text. */
export const listFaults = (
  faults: readonly { readonly name: string; readonly what: string }[],
): string => {
  const width = Math.max(...faults.map(({ name }) => name.length));
  return faults.map(({ name, what }) => `  ${name.padEnd(width)}  ${what}`).join("\n");
};

/** Tells what happens, and when. */
export const progressTo =
  ({ out }: Output) =>
  (seconds: number, line: string): void =>
    out(`${seconds.toFixed(1).padStart(8)} s  ${line}\n`);
