/** Where things lie in the bucket of the bundles; `docs/bundle-format.md` has the table. */

export const archiveKey = (pool: string, sha256: string): string =>
  `bundles/${pool}/${sha256}.tar.gz`;

export const manifestKey = (pool: string, sha256: string): string =>
  `bundles/${pool}/${sha256}.manifest`;

export const signatureKey = (pool: string, sha256: string): string =>
  `${manifestKey(pool, sha256)}.sig`;

export const channelsPrefix = "channels/";

export const channelKey = (pool: string): string => `${channelsPrefix}${pool}`;

/** All that is stored of the bundles of a pool. */
export const bundlesPrefix = (pool: string): string => `bundles/${pool}/`;

/** Machines' reports, each under the role's id and the instance's. */
export const reportsPrefix = (pool: string): string => `reports/${pool}/`;

export const binaryKey = (sha256: string): string => `binaries/${sha256}`;
