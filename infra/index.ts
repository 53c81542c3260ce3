/** What an app with Drover in it imports. */
export { BundleStore } from "./bundle-store.ts";
export type {
  BundleOptions,
  BundleStoreProps,
  MachineProps,
  MachineSecret,
} from "./bundle-store-props.ts";
export { ConfigBundle, type ConfigBundleProps } from "./config-bundle.ts";
export { Drover } from "./drover.ts";
export type {
  ConsulProps,
  DrainFailure,
  DroverProps,
  NomadProps,
  PoolBundles,
  PoolProps,
  ServiceProps,
  TlsSecrets,
} from "./drover-props.ts";
export type { FunctionCode } from "./function-code.ts";
export { formatUserData, type MachineSettings, packMachineScripts } from "./machine-user-data.ts";
