import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
  type MetadataServer,
  startMetadataServer,
} from "../../../rehearsal/agents/metadata-server.ts";

describe("the metadata server", () => {
  const address = "127.84.19.7";
  const instanceId = "i-0123456789abcdef0";
  let server: MetadataServer;

  const askForToken = (headers: Record<string, string>) =>
    fetch(new URL("/latest/api/token", server.url), { method: "PUT", headers });
  const read = async (path: string, token?: string): Promise<[number, string]> => {
    const answer = await fetch(new URL(path, server.url), {
      headers: token === undefined ? {} : { "X-aws-ec2-metadata-token": token },
    });
    return [answer.status, await answer.text()];
  };

  before(async () => {
    server = await startMetadataServer(instanceId, address);
  });
  after(() => server.close());

  it("gives a token for a stated time only", async () => {
    assert.equal((await askForToken({})).status, 400);
    const answer = await askForToken({ "X-aws-ec2-metadata-token-ttl-seconds": "60" });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("x-aws-ec2-metadata-token-ttl-seconds"), "60");
  });

  it("tells an instance about itself against the token alone", async () => {
    const answer = await askForToken({ "X-aws-ec2-metadata-token-ttl-seconds": "60" });
    const token = await answer.text();
    assert.deepEqual(await read("instance-id", token), [200, instanceId]);
    assert.deepEqual(await read("local-ipv4", token), [200, address]);
    assert.deepEqual(await read("public-ipv4", token), [404, ""]);
    assert.equal((await read("instance-id"))[0], 401);
    assert.equal((await read("instance-id", "other"))[0], 401);
  });
});
