import { Duration } from "aws-cdk-lib";
import { synthesizeReference } from "../../infra/reference-app.ts";
import type { Template } from "../engine/intrinsics.ts";
import type { Endpoints } from "./park.ts";

/** The pool of a rehearsal. */
export interface RehearsalPool {
  readonly pool: string;
  readonly size: number;
  readonly drainDeadlineSeconds: number;
  readonly slots: number;
  /** The hook's heartbeat time-out, in seconds. @default as Drover's */
  readonly heartbeatSeconds?: number;
  /** Whether its machines boot from a store of bundles. @default false */
  readonly bundles?: boolean;
}

/** Where an emulated cluster is. */
export const emulatedEndpoints: Endpoints = {
  nomadAddress: "https://nomad.internal:4646",
  nomadRegion: "global",
  consulAddress: "https://consul.internal:8501",
  consulDatacenter: "dc1",
};

/** Templates by what they were synthesized for: that takes as long as a small rehearsal. */
const known = new Map<string, Template>();

/**
 * Synthesizes the reference app with one pool. Its functions have no code: the
 * world has it.
 */
export const synthesizeWorld = (endpoints: Endpoints, pool: RehearsalPool): Template => {
  const key = JSON.stringify([endpoints, pool]);
  const template = known.get(key) ?? synthesize(endpoints, pool);
  known.set(key, template);
  return template;
};

const synthesize = (endpoints: Endpoints, pool: RehearsalPool): Template =>
  synthesizeReference({
    ...endpoints,
    slots: pool.slots,
    bundles: pool.bundles === true,
    pools: [
      {
        pool: pool.pool,
        minCapacity: 0,
        maxCapacity: pool.size,
        drainDeadline: Duration.seconds(pool.drainDeadlineSeconds),
        slots: pool.slots,
        ...(pool.heartbeatSeconds !== undefined && {
          heartbeat: Duration.seconds(pool.heartbeatSeconds),
        }),
      },
    ],
  }).template;
