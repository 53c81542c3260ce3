import { createHash } from "node:crypto";

import { paginateListObjectsV2, S3ServiceException } from "@aws-sdk/client-s3";
import * as fc from "fast-check";

import { openSpot, type S3Target, type Spot } from "./s3-target.ts";

/** What somebody does with a bucket; the versions of a key are counted from the first on. */
export type Step =
  | { readonly kind: "put"; readonly key: string; readonly content: string; readonly only: Only }
  | { readonly kind: "get" | "remove"; readonly key: string; readonly version?: number }
  | { readonly kind: "list"; readonly below: string };

/** On which condition something is written: none, there is nothing, or there is this content. */
type Only = "always" | "new" | { readonly over: string };

/** Few of each, so that steps meet. */
const key = fc.constantFrom("a", "a/b", "c");
const content = fc.constantFrom("", "1", "2");
const version = fc.option(fc.nat({ max: 3 }), { nil: undefined });

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("put"),
      key,
      content,
      only: fc.oneof(fc.constantFrom("always", "new"), fc.record({ over: content })),
    }),
  },
  {
    weight: 4,
    arbitrary: fc
      .record({ kind: fc.constantFrom("get", "remove"), key, version })
      .map(({ kind, key, version }) => ({ kind, key, ...(version !== undefined && { version }) })),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("list"), below: fc.constantFrom("", "a", "a/") }),
  },
);

export const steps = fc.array(step, { minLength: 4, maxLength: 16 });

const etagOf = (content: string): string => `"${createHash("md5").update(content).digest("hex")}"`;

const conditionOf = (only: Only) => {
  if (only === "always") return {};
  return only === "new" ? { IfNoneMatch: "*" } : { IfMatch: etagOf(only.over) };
};

/** A spot, and the ids of the versions that were made in it, by key. */
interface Walk {
  readonly target: S3Target;
  readonly spot: Spot;
  readonly versions: Map<string, string[]>;
}

const remember = ({ versions }: Walk, key: string, id: string | undefined): void => {
  if (id !== undefined) versions.set(key, [...(versions.get(key) ?? []), id]);
};

const listOf = async ({ target, spot }: Walk, below: string): Promise<string[]> => {
  const found: string[] = [];
  for await (const { Contents = [] } of paginateListObjectsV2(
    { client: target.client },
    { Bucket: spot.bucket, Prefix: `${spot.prefix}${below}` },
  ))
    found.push(...Contents.map(({ Key = "", ETag }) => `${Key.slice(spot.prefix.length)} ${ETag}`));
  return found;
};

const take = async (walk: Walk, each: Step): Promise<unknown> => {
  const { spot, versions } = walk;
  if (each.kind === "list") return listOf(walk, each.below);
  if (each.kind === "put") {
    const options = { ContentLength: each.content.length, ...conditionOf(each.only) };
    const written = await spot.put(each.key, each.content, options);
    remember(walk, each.key, written.version);
    return written.etag;
  }
  const id = each.version === undefined ? undefined : versions.get(each.key)?.[each.version];
  if (each.version !== undefined && id === undefined) return "no such version was made";
  if (each.kind === "get") {
    const { Body, ETag } = await spot.get(each.key, id);
    return [await Body?.transformToString(), ETag];
  }
  const removed = await spot.remove(each.key, id);
  if (id === undefined) remember(walk, each.key, removed.version);
  return removed.marker;
};

/** What a server answers to each of some steps in a place of its own: what it gave, or its error. */
export const walk = async (
  target: S3Target,
  kind: "versioned" | "plain",
  all: readonly Step[],
): Promise<readonly unknown[]> => {
  const here: Walk = { target, spot: openSpot(target, kind), versions: new Map() };
  const answers: unknown[] = [];
  for (const each of all) {
    try {
      answers.push(await take(here, each));
    } catch (error) {
      if (!(error instanceof S3ServiceException)) throw error;
      answers.push(error.name);
    }
  }
  return answers;
};
