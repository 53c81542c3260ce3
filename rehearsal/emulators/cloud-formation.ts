import type { Random } from "../random.ts";
import { uuid } from "../random.ts";
import type { BusEvent } from "./event-bridge/bus.ts";

/** Where a stack is. */
export interface StackPlace {
  readonly stackId: string;
  readonly region: string;
  readonly account: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly random: Random;
}

/**
 * What CloudFormation tells of a stack as a whole.
 *
 * Source: AWS CloudFormation User Guide, "Managing events with CloudFormation
 * and Amazon EventBridge", detail type "CloudFormation Stack Status Change".
 */
export const stackStatusEvent = (place: StackPlace, status: string): BusEvent => ({
  version: "0",
  id: uuid(place.random),
  "detail-type": "CloudFormation Stack Status Change",
  source: "aws.cloudformation",
  account: place.account,
  time: new Date(place.now).toISOString().replace(/\.\d+Z$/, "Z"),
  region: place.region,
  resources: [place.stackId],
  detail: {
    "stack-id": place.stackId,
    "status-details": { status, "status-reason": "" },
    "client-request-token": "",
  },
});
