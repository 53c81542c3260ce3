import { findPackageJSON } from "node:module";
import { homedir } from "node:os";
import { dirname, join, sep } from "node:path";

const description = findPackageJSON(".", import.meta.url);
if (description === undefined) throw new Error("there is no package.json above the rehearsal");

/** The folder of this package: a clone of the repository, or what npm has installed. */
export const packageRoot = dirname(description);

/**
 * Where what takes minutes to make is kept: beside the sources in a clone. npm
 * empties what it has installed, so an installed package uses the user's cache.
 */
export const cacheFolder = packageRoot.includes(`${sep}node_modules${sep}`)
  ? join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "drover")
  : join(packageRoot, ".cache");
