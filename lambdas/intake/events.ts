import * as v from "valibot";
import { parseTerminateHook } from "./events/terminate-hook.ts";

/** What EventBridge wraps every event in. */
export const envelope = v.object({
  id: v.string(),
  source: v.string(),
  "detail-type": v.string(),
  account: v.string(),
  region: v.string(),
  /** When it happened, ISO 8601. */
  time: v.pipe(
    v.string(),
    v.check((text) => !Number.isNaN(Date.parse(text)), "has to be a moment of ISO 8601"),
  ),
  detail: v.unknown(),
});
export type Envelope = v.InferOutput<typeof envelope>;

/** What every event that ends an instance comes down to. */
export interface LifecycleEvent {
  readonly instanceId: string;
  readonly group: string;
  readonly reason: string;
  readonly since: string;
  readonly destination: "terminated" | "warm pool";
  readonly hook: { readonly name: string; readonly token: string };
}

/** Why an event is nothing for us: counted, not an error. */
export interface Dropped {
  readonly dropped: string;
}

export type Parser = (event: Envelope) => LifecycleEvent | Dropped;

/** One parser for each kind of event, by source and detail-type. */
const parsers = new Map<string, Parser>([
  ["aws.autoscaling/EC2 Instance-terminate Lifecycle Action", parseTerminateHook],
]);

/** @throws InputRefused when an event of a known kind has not the shape that AWS documents */
export const parseEvent: Parser = (event) => {
  const kind = `${event.source}/${event["detail-type"]}`;
  return parsers.get(kind)?.(event) ?? { dropped: `no parser for ${kind}` };
};
