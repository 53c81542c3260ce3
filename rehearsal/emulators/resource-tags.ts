import * as v from "valibot";

import { operation, serveAwsJson } from "./aws-json.ts";
import type { Service } from "./service.ts";

export interface ResourceTags {
  readonly service: Service;
  /** Tags a resource as a person at the console would. */
  put(arn: string, key: string, value: string): void;
  remove(arn: string, key: string): void;
}

/**
 * Emulates the reading side of the tagging service.
 *
 * Source: AWS Resource Groups Tagging API Reference, GetResources: at most 100
 * ARNs; a resource that has no tags (or never had any) is not in the answer.
 */
export const createResourceTags = (): ResourceTags => {
  const tags = new Map<string, Map<string, string>>();
  return {
    service: serveAwsJson("ResourceGroupsTaggingAPI_20170126", "1.1", {
      GetResources: operation(
        v.strictObject({ ResourceARNList: v.pipe(v.array(v.string()), v.maxLength(100)) }),
        ({ ResourceARNList }) => ({
          PaginationToken: "",
          ResourceTagMappingList: ResourceARNList.flatMap((arn) => {
            const own = tags.get(arn);
            return own === undefined || own.size === 0
              ? []
              : [
                  {
                    ResourceARN: arn,
                    Tags: [...own].map(([Key, Value]) => ({ Key, Value })),
                  },
                ];
          }),
        }),
      ),
    }),
    put: (arn, key, value) => {
      const own = tags.get(arn) ?? new Map<string, string>();
      tags.set(arn, own.set(key, value));
    },
    remove: (arn, key) => void tags.get(arn)?.delete(key),
  };
};
