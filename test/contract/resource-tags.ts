import assert from "node:assert/strict";

import {
  GetResourcesCommand,
  type GetResourcesCommandInput,
  type ResourceGroupsTaggingAPIClient,
} from "@aws-sdk/client-resource-groups-tagging-api";

import type { ServiceCase } from "./services.ts";

export interface ResourceTagsTarget {
  readonly client: ResourceGroupsTaggingAPIClient;
  /** Makes a resource of a type with tags; gives its ARN. */
  readonly type: string;
  make(tags: Readonly<Record<string, string>>): Promise<string>;
  /** A tag key that nothing has. */
  newKey(): string;
}

const reference = "AWS Resource Groups Tagging API Reference, GetResources";

const get = async (
  { client }: ResourceTagsTarget,
  input: GetResourcesCommandInput,
): Promise<ReadonlyMap<string | undefined, object>> => {
  const { ResourceTagMappingList = [] } = await client.send(new GetResourcesCommand(input));
  return new Map(
    ResourceTagMappingList.map(({ ResourceARN, Tags = [] }) => [
      ResourceARN,
      Object.fromEntries(Tags.map(({ Key, Value }) => [Key, Value])),
    ]),
  );
};

export const resourceTagsContract: readonly ServiceCase<ResourceTagsTarget>[] = [
  {
    title: "resources are asked for by their ARNs, and those without tags are left out",
    source: `${reference}, ResourceARNList`,
    async run(target) {
      const one = await target.make({ "drover:hold": "yes", Name: "one" });
      const bare = await target.make({});
      const gone = `${bare}-gone`;
      assert.deepEqual(
        await get(target, { ResourceARNList: [one, bare, gone] }),
        new Map([[one, { "drover:hold": "yes", Name: "one" }]]),
      );
    },
  },
  {
    title: "resources of a type are found by a tag, whatever its value",
    source: `${reference}, TagFilters (without values any), ResourceTypeFilters`,
    async run(target) {
      const key = target.newKey();
      const found = [await target.make({ [key]: "yes" }), await target.make({ [key]: "" })];
      await target.make({ [`${key}-other`]: "yes" });
      const answer = await get(target, {
        TagFilters: [{ Key: key }],
        ResourceTypeFilters: [target.type],
      });
      assert.deepEqual(new Set(answer.keys()), new Set(found));
      assert.equal((await get(target, { TagFilters: [{ Key: target.newKey() }] })).size, 0);
      const [service = ""] = target.type.split(":");
      const all = { TagFilters: [{ Key: key }], ResourceTypeFilters: [service] };
      assert.equal((await get(target, all)).size, 2);
      const others = { TagFilters: [{ Key: key }], ResourceTypeFilters: ["sqs"] };
      assert.equal((await get(target, others)).size, 0);
    },
  },
];
