import { paginateGetParametersByPath, SSMClient } from "@aws-sdk/client-ssm";
import type { RecordSettings } from "../runtime/settings.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { awsClientOptions } from "./aws.ts";

/** The parameters with settings of pools, whether or not there is such a pool. */
export interface PoolParameters {
  /** The pools that have one. */
  pools(): Promise<Set<string>>;
}

export const poolParametersClient = (
  surroundings: Surroundings,
  settings: RecordSettings,
): PoolParameters => {
  const client = new SSMClient(awsClientOptions(surroundings));
  const prefix = settings.DROVER_POOL_PARAMETERS;
  return {
    async pools() {
      const found = new Set<string>();
      // Without the slash at the end, as a policy names the path.
      const pages = paginateGetParametersByPath({ client }, { Path: prefix.replace(/\/$/, "") });
      for await (const { Parameters } of pages) {
        for (const { Name } of Parameters ?? []) found.add(Name?.slice(prefix.length) ?? "");
      }
      return found;
    },
  };
};
