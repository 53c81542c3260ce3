import * as v from "valibot";

import { operation, serveAwsJson } from "./aws-json.ts";
import type { Service } from "./service.ts";

export interface ResourceTags {
  readonly service: Service;
  /** Tags a resource as a person at the console would. */
  put(arn: string, key: string, value: string): void;
  remove(arn: string, key: string): void;
  has(arn: string, key: string): boolean;
  get(arn: string, key: string): string | undefined;
}

/** Resources in one answer. Source: GetResources, ResourcesPerPage (100 by default). */
const pageSize = 100;

/**
 * Emulates the reading side of the tagging service.
 *
 * Source: AWS Resource Groups Tagging API Reference, GetResources: at most 100
 * ARNs, or those that carry all tags and are of one of the types
 * (`ec2:instance`); a resource that has no tags is not in the answer; there is
 * no next page where the token is empty.
 */
export const createResourceTags = (): ResourceTags => {
  const tags = new Map<string, Map<string, string>>();
  return {
    service: serveAwsJson("ResourceGroupsTaggingAPI_20170126", "1.1", {
      GetResources: operation(
        v.strictObject({
          ResourceARNList: v.optional(v.pipe(v.array(v.string()), v.maxLength(100))),
          TagFilters: v.optional(v.array(v.strictObject({ Key: v.string() })), []),
          ResourceTypeFilters: v.optional(v.array(v.string()), []),
          PaginationToken: v.optional(v.string(), ""),
        }),
        ({ ResourceARNList, TagFilters, ResourceTypeFilters, PaginationToken }) => {
          const isOfType = (arn: string) =>
            ResourceTypeFilters.length === 0 ||
            ResourceTypeFilters.some((type) => {
              const [service, kind] = type.split(":");
              // A service alone means all that it has.
              const resource = kind === undefined ? "" : `${kind}/`;
              return new RegExp(`^arn:[^:]+:${service}:[^:]*:[^:]*:${resource}`).test(arn);
            });
          const found = (ResourceARNList ?? [...tags.keys()].sort()).filter((arn) => {
            const own = tags.get(arn);
            return (
              own !== undefined &&
              own.size > 0 &&
              TagFilters.every(({ Key }) => own.has(Key)) &&
              isOfType(arn)
            );
          });
          const from = Number(PaginationToken);
          const until = from + pageSize;
          return {
            PaginationToken: until < found.length ? String(until) : "",
            ResourceTagMappingList: found.slice(from, until).map((arn) => ({
              ResourceARN: arn,
              Tags: [...(tags.get(arn) ?? [])].map(([Key, Value]) => ({ Key, Value })),
            })),
          };
        },
      ),
    }),
    put: (arn, key, value) => {
      const own = tags.get(arn) ?? new Map<string, string>();
      tags.set(arn, own.set(key, value));
    },
    remove: (arn, key) => void tags.get(arn)?.delete(key),
    has: (arn, key) => tags.get(arn)?.has(key) ?? false,
    get: (arn, key) => tags.get(arn)?.get(key),
  };
};
