import { accountFaults } from "./account.ts";
import { clusterFaults } from "./cluster.ts";
import { eventFaults } from "./events.ts";
import type { Fault } from "./fault.ts";
import { functionFaults } from "./functions.ts";
import { peopleFaults } from "./people.ts";
import { serviceFaults } from "./services.ts";

/** Everything that can go wrong, by family. */
export const catalogue: readonly Fault[] = [
  ...eventFaults,
  ...serviceFaults,
  ...functionFaults,
  ...clusterFaults,
  ...accountFaults,
  ...peopleFaults,
];

const byName = new Map(catalogue.map((fault) => [fault.name, fault]));

export const faultNames: readonly string[] = catalogue.map(({ name }) => name);

/** What `all` means. */
export const allFaults: readonly string[] = faultNames;

/** @throws for a name that nothing has */
export const findFault = (name: string): Fault => {
  const fault = byName.get(name);
  if (fault === undefined)
    throw new Error(`there is no fault called ${name}: there are ${faultNames.join(", ")}`);
  return fault;
};

export class UnknownFaults extends Error {
  override readonly name = "UnknownFaults";
  readonly unknown: readonly string[];

  constructor(unknown: readonly string[], known: readonly string[]) {
    super(
      `${unknown.join(", ")}: there ${unknown.length > 1 ? "are no such faults" : "is no such fault"}; there are none, all, and any of: ${known.join(", ")}`,
    );
    this.unknown = unknown;
  }
}

/**
 * Reads which faults somebody wants: `none`, `all`, or names with commas between.
 *
 * @param known - the names that there are. @default those of the catalogue
 * @throws UnknownFaults with the names that nothing has, and those that there are
 */
export const readFaults = (
  text: string,
  known: readonly string[] = faultNames,
): readonly string[] => {
  if (text === "none") return [];
  if (text === "all") return known;
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new UnknownFaults(unknown, known);
  return known.filter((name) => names.includes(name));
};
