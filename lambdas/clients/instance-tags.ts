import {
  GetResourcesCommand,
  paginateGetResources,
  ResourceGroupsTaggingAPIClient,
} from "@aws-sdk/client-resource-groups-tagging-api";
import type { Surroundings } from "../runtime/surroundings.ts";
import { awsClientOptions } from "./aws.ts";

export interface InstanceTags {
  read(instanceArn: string): Promise<ReadonlyMap<string, string>>;
  /** Ids of all instances of the account and region that carry a tag, whatever its value. */
  carriers(key: string): Promise<string[]>;
}

/**
 * The tags of an EC2 instance by the tagging service: EC2's own client is half
 * a megabyte, more than all the others together (decision 0007).
 */
export const instanceTagsClient = (surroundings: Surroundings): InstanceTags => {
  const client = new ResourceGroupsTaggingAPIClient(awsClientOptions(surroundings));
  return {
    async read(instanceArn) {
      const { ResourceTagMappingList } = await client.send(
        new GetResourcesCommand({ ResourceARNList: [instanceArn] }),
      );
      const tags = ResourceTagMappingList?.[0]?.Tags ?? [];
      return new Map(tags.map((tag) => [tag.Key ?? "", tag.Value ?? ""]));
    },
    async carriers(key) {
      const found: string[] = [];
      const pages = paginateGetResources(
        { client },
        { TagFilters: [{ Key: key }], ResourceTypeFilters: ["ec2:instance"] },
      );
      for await (const { ResourceTagMappingList } of pages) {
        for (const { ResourceARN } of ResourceTagMappingList ?? []) {
          found.push(ResourceARN?.replace(/^.*\//, "") ?? "");
        }
      }
      return found;
    },
  };
};
