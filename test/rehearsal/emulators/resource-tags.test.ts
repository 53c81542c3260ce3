import assert from "node:assert/strict";
import { test } from "node:test";
import {
  GetResourcesCommand,
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
