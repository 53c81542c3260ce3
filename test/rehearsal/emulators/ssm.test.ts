import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  GetParameterCommand,
  GetParametersByPathCommand,
  GetParametersCommand,
  paginateGetParametersByPath,
  PutParameterCommand,
  SSMClient,
} from "@aws-sdk/client-ssm";

import { createSsm } from "../../../rehearsal/emulators/ssm.ts";
import { serveInProcess } from "../../../rehearsal/wire.ts";
import { createManualClock } from "./manual-clock.ts";

const world = () => {
  const clock = createManualClock();
  const ssm = createSsm(clock);
  const client = new SSMClient({
    region: "eu-west-1",
    credentials: { accessKeyId: "key", secretAccessKey: "secret" },
    requestHandler: serveInProcess(ssm.service, { clock }),
  });
  const get = async (Name: string, WithDecryption?: boolean) =>
    (await client.send(new GetParameterCommand({ Name, WithDecryption }))).Parameter;
  return { clock, ssm, client, get };
};

describe("the parameter store", () => {
  it("keeps every version of a parameter, with its time", () => {
    const { clock, ssm } = world();
    ssm.put("/stop", "go");
    ssm.put("/other", "one");
    ssm.put("/stop", "stop");
    assert.deepEqual(
      ssm.history("/stop").map(({ value, version, modifiedAt }) => [value, version, modifiedAt]),
      [
        ["go", 1, clock.now()],
        ["stop", 2, clock.now()],
      ],
    );
  });

  it("gives the newest value with its version and time, by name or ARN", async () => {
    const { ssm, get, clock } = world();
    ssm.put("/drover/stop", "false");
    await clock.pass(5_000);
    ssm.put("/drover/stop", "true");
    const parameter = await get("/drover/stop");
    assert.deepEqual(parameter, {
      Name: "/drover/stop",
      Type: "String",
      Value: "true",
      Version: 2,
      LastModifiedDate: new Date(Date.UTC(2026, 0, 1, 0, 0, 5)),
      ARN: "arn:aws:ssm:eu-west-1:123456789012:parameter/drover/stop",
      DataType: "text",
    });
    assert.deepEqual(await get(parameter.ARN), parameter);
    ssm.remove("/drover/stop");
    await assert.rejects(get("/drover/stop"), { name: "ParameterNotFound" });
  });

  it("gives several, each once, and names those it has not", async () => {
    const { ssm, client } = world();
    ssm.put("/a", "1");
    ssm.put("/b", "2");
    const { Parameters, InvalidParameters } = await client.send(
      new GetParametersCommand({ Names: ["/b", "/x", "/a", "/b"] }),
    );
    assert.deepEqual(
      Parameters?.map(({ Value }) => Value),
      ["2", "1"],
    );
    assert.deepEqual(InvalidParameters, ["/x"]);
    await assert.rejects(
      client.send(
        new GetParametersCommand({ Names: Array.from({ length: 11 }, (_, n) => `/n${n}`) }),
      ),
      { name: "ValidationException" },
    );
  });

  it("gives everything below a path, page by page", async () => {
    const { ssm, client } = world();
    for (let pool = 0; pool < 12; pool++) ssm.put(`/drover/pools/p${pool}`, `${pool}`);
    ssm.put("/drover/pools/deep/er", "deep");
    ssm.put("/drover/other", "other");
    const values = async (Recursive: boolean) => {
      const found: (string | undefined)[] = [];
      const pages = paginateGetParametersByPath({ client }, { Path: "/drover/pools", Recursive });
      for await (const page of pages)
        found.push(...(page.Parameters ?? []).map(({ Value }) => Value));
      return found;
    };
    assert.equal((await values(false)).length, 12);
    assert.ok((await values(true)).includes("deep"));
    const { Parameters, NextToken } = await client.send(
      new GetParametersByPathCommand({ Path: "/drover/pools/" }),
    );
    assert.equal(Parameters?.length, 10);
    assert.ok(NextToken);
  });

  it("keeps a secret from those who do not ask for decryption", async () => {
    const { ssm, get } = world();
    ssm.put("/secret", "value", "SecureString");
    assert.notEqual((await get("/secret"))?.Value, "value");
    assert.equal((await get("/secret", true))?.Value, "value");
  });

  it("fails on operations that it does not emulate", async () => {
    const { client } = world();
    await assert.rejects(
      client.send(new PutParameterCommand({ Name: "a", Value: "b" })),
      /AmazonSSM.PutParameter is not emulated/,
    );
  });
});
