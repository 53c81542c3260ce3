import { readFaults, UnknownFaults } from "../../rehearsal/faults/catalogue.ts";
import { BadArguments } from "../output.ts";

export const largestSeed = 2 ** 32 - 1;

/** @throws BadArguments that names the option, its value and what would do */
export const wholeNumber = (option: string, text: string, least: number, most: number): number => {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new BadArguments(
    `--${option} ${text}: it has to be a whole number from ${least} to ${most}; for example --${option} ${Math.min(most, Math.max(least, 12))}`,
  );
};

/** @throws BadArguments with the names that there are */
export const readFaultNames = (text: string): readonly string[] => {
  try {
    return readFaults(text);
  } catch (error) {
    if (error instanceof UnknownFaults) throw new BadArguments(`--faults ${error.message}`);
    throw error;
  }
};
