import * as v from "valibot";

import { AwsError } from "../aws-json.ts";
import type { Group, Instance } from "./state.ts";
import type { World } from "./world.ts";

/** A number, which the Query protocol sends as text. */
export const integer = v.pipe(v.string(), v.regex(/^-?\d+$/), v.transform(Number));
export const flag = v.pipe(
  v.picklist(["true", "false"]),
  v.transform((text) => text === "true"),
);
/** A list; an empty one is sent as an empty text. */
export const listOf = <Schema extends v.GenericSchema>(schema: Schema) =>
  v.union([
    v.pipe(
      v.literal(""),
      v.transform((): v.InferOutput<Schema>[] => []),
    ),
    v.array(schema),
  ]);
export const texts = listOf(v.string());
export const filters = listOf(v.strictObject({ Name: v.string(), Values: v.optional(texts, []) }));
export type Filters = v.InferOutput<typeof filters>;

/** @throws AwsError for seconds that a hook cannot have (API Reference, PutLifecycleHook) */
export const checkHeartbeat = (seconds: number): number => {
  if (seconds >= 30 && seconds <= 7200) return seconds;
  throw invalid(`HeartbeatTimeout ${seconds} must be between 30 and 7200 seconds.`);
};

export const launchTemplate = v.strictObject({
  LaunchTemplateId: v.optional(v.string()),
  LaunchTemplateName: v.optional(v.string()),
  // An instance runs one version: this emulator knows of no latest one.
  Version: v.pipe(v.string(), v.regex(/^\d+$/)),
});

export const pageFields = {
  MaxRecords: v.optional(integer),
  NextToken: v.optional(v.string()),
};

/** Cuts a page out of a list. The token is the place where the next one begins. */
export const cutPage = <T>(
  all: readonly T[],
  { MaxRecords, NextToken }: { MaxRecords?: number | undefined; NextToken?: string | undefined },
  { most, usual }: { readonly most: number; readonly usual: number },
): { readonly page: readonly T[]; readonly NextToken: string | undefined } => {
  const size = MaxRecords ?? usual;
  if (size < 1 || size > most)
    throw invalid(
      `1 validation error detected: Value '${size}' at 'maxRecords' failed to satisfy constraint: Member must have value less than or equal to ${most}`,
    );
  const from = Number(NextToken ?? 0);
  const until = from + size;
  return {
    page: all.slice(from, until),
    NextToken: until < all.length ? String(until) : undefined,
  };
};

export const invalid = (message: string): AwsError => new AwsError("ValidationError", message);

/** @throws AwsError with the words of most operations */
export const findGroup = (world: World, name: string): Group => {
  const group = world.groups.get(name);
  if (group === undefined)
    throw invalid(`AutoScalingGroup name not found - AutoScalingGroup ${name} not found`);
  return group;
};

/** @throws AwsError also for an instance that its group has forgotten */
export const findInstance = (world: World, id: string): Instance => {
  const instance = world.instances.get(id);
  if (instance === undefined || ["Terminated", "Detached"].includes(instance.state))
    throw invalid(`Instance Id not found - No managed instance found for instance ID: ${id}`);
  return instance;
};
