/**
 * The names by which the parts of a deployment find each other. They follow
 * from the cluster's name alone, so that no resource has to refer to another
 * one just to learn its name: that is what keeps groups and Drover free of
 * dependency cycles, in one stack or in several, and what lets groups of
 * Terraform join. Those that the functions know too are in
 * `lambdas/retire/hook-names.ts`.
 */

export const retireMachineName = (cluster: string): string => `drover-${cluster}-retire-node`;

/** Also known to the command line. */
export const doctorMachineName = (cluster: string): string => `drover-${cluster}-doctor`;

export const reconcileMachineName = (cluster: string): string => `drover-${cluster}-reconcile`;

const parameters = (cluster: string): string => `/drover/${cluster}/`;

/** The parameter with the value `go` or `stop`. */
export const stopParameterName = (cluster: string): string => `${parameters(cluster)}stop`;

/** Followed by the pool's name: its settings as JSON. */
export const poolParameterPrefix = (cluster: string): string => `${parameters(cluster)}pools/`;

/** Of the key that signs the bundles. */
export const bundleKeyAlias = (cluster: string): string => `alias/drover-${cluster}-bundles`;

/** Puts bundles that are there already into channels. */
export const publishMachineName = (cluster: string): string => `drover-${cluster}-publish-bundle`;

/** CloudWatch's namespace of all metrics of one cluster. */
export const metricNamespace = (cluster: string): string => `Drover/${cluster}`;
