/** What an app with Drover in it imports. */
export { Drover } from "./drover.ts";
export type {
  ConsulProps,
  DrainFailure,
  DroverProps,
  NomadProps,
  PoolProps,
  ServiceProps,
  TlsSecrets,
} from "./drover-props.ts";
export type { FunctionCode } from "./function-code.ts";
export { formatUserData, type MachineSettings, packMachineScripts } from "./machine-user-data.ts";
