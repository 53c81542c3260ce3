import type { HttpHandler } from "@smithy/protocol-http";

import type { Clock } from "../../lambdas/runtime/clock.ts";
import type { S3 } from "../emulators/s3/s3.ts";
import type { Service } from "../emulators/service.ts";
import { routeByHost, serveInProcess, type WireOptions } from "../wire.ts";
import { type Authorise, type Caller, guard } from "./authorisation.ts";

export interface Connection {
  readonly s3: Pick<S3, "serve">;
  readonly region: string;
  readonly clock: Clock;
  /** @default everything is allowed */
  readonly authorise?: Authorise | undefined;
  /** Comes between everybody and AWS: what goes wrong there. */
  readonly intercept?: WireOptions["intercept"];
}

/**
 * AWS as each caller meets it: what its role does not allow is denied, and S3
 * says no more to it than to who may not list.
 *
 * @param services - all but S3, by the first labels of their hosts
 */
export const connectTasks = (
  services: Readonly<Record<string, Service>>,
  { s3, region, clock, authorise, intercept }: Connection,
): ((caller: Caller) => HttpHandler) => {
  const host = (service: string) => `${service}.${region}.amazonaws.com`;
  const byHost = Object.fromEntries(
    Object.entries(services).map(([name, service]) => [host(name), service]),
  );
  return (caller) => {
    const mayList = (bucket: string) => authorise?.mayList(caller, bucket) ?? true;
    const objects = s3.serve({ mayList });
    const route = routeByHost({
      ...byHost,
      [host("s3")]: objects,
      // The bucket may be the first label.
      [host("*.s3")]: objects,
    });
    const aws = serveInProcess(route, { clock, ...(intercept && { intercept }) });
    return authorise ? guard(aws, caller, authorise) : aws;
  };
};
