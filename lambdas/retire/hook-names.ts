/**
 * The names by which lifecycle hooks belong to Drover. The slash cannot be in
 * the name of a cluster, so no cluster's prefix begins another's.
 */
export const hookPrefix = (cluster: string): string => `drover-${cluster}/`;

/** The hook on terminations. */
export const retireHookName = (cluster: string): string => `${hookPrefix(cluster)}retire`;

/** The tags by which a group belongs to Drover. */
export const poolTag = "drover:pool";
export const clusterTag = "drover:cluster";
/** On an instance: Drover starts nothing on it by itself. */
export const holdTag = "drover:hold";
