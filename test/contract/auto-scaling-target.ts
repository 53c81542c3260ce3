import assert from "node:assert/strict";

import type {
  AutoScalingClient,
  CreateAutoScalingGroupCommandInput,
  Tag,
} from "@aws-sdk/client-auto-scaling";

import type { BusEvent } from "../../rehearsal/emulators/event-bridge/bus.ts";
import type { Timed } from "./eventually.ts";

/** What the contract runs against: the emulator, or an account. */
export interface AutoScalingTarget extends Timed {
  readonly client: AutoScalingClient;
  /** Seconds between two looks. */
  readonly interval: number;
  readonly launchTemplate: NonNullable<CreateAutoScalingGroupCommandInput["LaunchTemplate"]>;
  /** Subnets in different zones, two at least. */
  readonly subnets: readonly string[];
  /** What every group carries, so that it can be found again. */
  readonly tags: readonly Tag[];
  /** A name that no other group has. */
  newName(): string;
  /** Ends a machine behind Auto Scaling's back. */
  powerOff(instanceId: string): Promise<void>;
  hasPower(instanceId: string): Promise<boolean>;
  /** The events of a group that have come until now, in the order in which they came. */
  events(group: string): Promise<readonly BusEvent[]>;
}

/** The group that an event is about. */
export const groupOf = (detail: unknown): string | undefined =>
  (detail as { readonly AutoScalingGroupName?: string }).AutoScalingGroupName;

/** Something that is believed of Auto Scaling. */
export interface AutoScalingCase {
  readonly title: string;
  /** Where AWS says so. */
  readonly source: string;
  /** How long it takes on AWS, roughly. */
  readonly minutes: number;
  /** How many machines it has at the same time, at most. */
  readonly machines: number;
  /** Why it runs on an account only when slow cases are asked for. */
  readonly slow?: string;
  /** Why it never runs on an account. */
  readonly emulatedOnly?: string;
  readonly run: (target: AutoScalingTarget) => Promise<void>;
}

/** Looks again and again that something stays as it is. */
export const stays = async (
  target: AutoScalingTarget,
  what: string,
  seconds: number,
  holds: () => Promise<boolean>,
): Promise<void> => {
  const end = target.seconds() + seconds;
  while (target.seconds() < end) {
    assert.ok(await holds(), what);
    await target.pause(target.interval);
  }
};

/** The error that AWS answers a bad request with; its text is all that tells one from another. */
export const refusal = (message: RegExp) => ({ name: "ValidationError", message });
