import assert from "node:assert/strict";
import { test } from "node:test";
import {
  GetResourcesCommand,
  paginateGetResources,
  ResourceGroupsTaggingAPIClient,
} from "@aws-sdk/client-resource-groups-tagging-api";
import { systemClock } from "../../../lambdas/runtime/clock.ts";
import { createResourceTags } from "../../../rehearsal/emulators/resource-tags.ts";
import { serveInProcess } from "../../../rehearsal/wire.ts";

test("tags are read by ARN; a resource without any is not in the answer", async () => {
  const tags = createResourceTags();
  const client = new ResourceGroupsTaggingAPIClient({
    region: "eu-west-1",
    credentials: { accessKeyId: "key", secretAccessKey: "secret" },
    requestHandler: serveInProcess(tags.service, { clock: systemClock }),
  });
  const arn = "arn:aws:ec2:eu-west-1:123456789012:instance/i-1";
  const read = async () => {
    const { ResourceTagMappingList } = await client.send(
      new GetResourcesCommand({ ResourceARNList: [arn, `${arn}2`] }),
    );
    return ResourceTagMappingList;
  };
  assert.deepEqual(await read(), []);
  tags.put(arn, "drover:hold", "until Monday");
  assert.deepEqual(await read(), [
    { ResourceARN: arn, Tags: [{ Key: "drover:hold", Value: "until Monday" }] },
  ]);
  assert.ok(tags.has(arn, "drover:hold") && !tags.has(`${arn}2`, "drover:hold"));
  tags.remove(arn, "drover:hold");
  assert.deepEqual(await read(), []);
  await assert.rejects(
    client.send(new GetResourcesCommand({ ResourceARNList: Array<string>(101).fill(arn) })),
    /does not take this input/,
  );
});

test("resources are found by a tag and a type, page by page", async () => {
  const tags = createResourceTags();
  const client = new ResourceGroupsTaggingAPIClient({
    region: "eu-west-1",
    credentials: { accessKeyId: "key", secretAccessKey: "secret" },
    requestHandler: serveInProcess(tags.service, { clock: systemClock }),
  });
  const arn = (kind: string, id: string) => `arn:aws:ec2:eu-west-1:123456789012:${kind}/${id}`;
  const find = async (type?: string) => {
    const found: (string | undefined)[] = [];
    const pages = paginateGetResources(
      { client },
      { TagFilters: [{ Key: "drover:hold" }], ...(type && { ResourceTypeFilters: [type] }) },
    );
    for await (const { ResourceTagMappingList } of pages)
      found.push(...(ResourceTagMappingList ?? []).map(({ ResourceARN }) => ResourceARN));
    return found;
  };
  assert.deepEqual(await find(), []);
  for (let number = 100; number < 250; number += 1)
    tags.put(arn("instance", `i-${number}`), "drover:hold", "");
  tags.put(arn("volume", "vol-1"), "drover:hold", "");
  tags.put(arn("instance", "i-9"), "other", "");
  assert.equal((await find()).length, 151);
  const instances = await find("ec2:instance");
  assert.equal(new Set(instances).size, 150);
  assert.ok(instances.every((one) => one?.includes(":instance/i-")));
  assert.deepEqual(await find("ec2:volume"), [arn("volume", "vol-1")]);
});
