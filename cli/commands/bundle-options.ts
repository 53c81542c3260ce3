import { statSync } from "node:fs";
import type { Command } from "commander";
import { BadArguments } from "../output.ts";

export interface BundleFlags {
  readonly pool: string;
  readonly cluster: string;
  readonly region?: string;
}

const clusterPattern = /^[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?$/;
const poolPattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;

/** @throws BadArguments */
export const checkPool = (pool: string): void => {
  if (!poolPattern.test(pool))
    throw new BadArguments(
      `--pool ${pool}: it has to be at most 63 letters, digits, hyphens and underscores; for example --pool workers`,
    );
};

/** @throws BadArguments */
export const checkCluster = (cluster: string): void => {
  if (!clusterPattern.test(cluster))
    throw new BadArguments(
      `--cluster ${cluster}: it has to be at most 24 lower-case letters, digits and hyphens; for example --cluster default`,
    );
};

/** The options of every command that works with the bundles of a cluster. */
export const addPlace = (command: Command): Command =>
  command
    .option("--cluster <name>", "the cluster of the bundle store", "default")
    .option("--region <region>", "of the bundle store (that of the AWS CLI)")
    .option("--json", "one JSON document on stdout, and nothing else")
    .allowExcessArguments(false);

/** @throws BadArguments unless it can be the source of a bundle */
export const checkFolder = (folder: string): void => {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new BadArguments(
      `${folder} is no folder: give the one in which bundle.yaml and files/ are`,
    );
};
