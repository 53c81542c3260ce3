import assert from "node:assert/strict";

import {
  GetParameterCommand,
  GetParametersCommand,
  paginateGetParametersByPath,
  type SSMClient,
} from "@aws-sdk/client-ssm";

import type { ServiceCase } from "./services.ts";

export interface SsmTarget {
  readonly client: SSMClient;
  /** A path below which there is nothing: `/…`, without a slash at its end. */
  newPath(): string;
  /** Writes a parameter, over what it was. */
  put(name: string, value: string, type?: "String" | "SecureString"): Promise<void>;
  remove(name: string): Promise<void>;
}

const reference = "AWS Systems Manager API Reference";

const get = async ({ client }: SsmTarget, Name: string, WithDecryption = false) =>
  (await client.send(new GetParameterCommand({ Name, WithDecryption }))).Parameter;

const valuesBelow = async ({ client }: SsmTarget, Path: string, Recursive: boolean) => {
  const found: (string | undefined)[] = [];
  const pages = paginateGetParametersByPath({ client }, { Path, Recursive, MaxResults: 5 });
  for await (const { Parameters = [] } of pages) {
    assert.ok(Parameters.length <= 5);
    found.push(...Parameters.map(({ Value }) => Value));
  }
  return found.toSorted((a = "", b = "") => a.localeCompare(b));
};

export const ssmContract: readonly ServiceCase<SsmTarget>[] = [
  {
    title: "a parameter has a version for each time that it was written",
    source: `${reference}, GetParameter`,
    async run(target) {
      const name = `${target.newPath()}/stop`;
      await target.put(name, "go");
      await target.put(name, "stop");
      const found = await get(target, name);
      assert.deepEqual(
        [found?.Name, found?.Type, found?.Value, found?.Version, found?.DataType],
        [name, "String", "stop", 2, "text"],
      );
      assert.ok(found?.LastModifiedDate instanceof Date);
      assert.ok(found.ARN?.endsWith(`:parameter${name}`));
      await target.remove(name);
      await assert.rejects(get(target, name), { name: "ParameterNotFound" });
    },
  },
  {
    title: "a parameter is read by its ARN too",
    source: `${reference}, GetParameter, Name`,
    async run(target) {
      const name = `${target.newPath()}/a`;
      await target.put(name, "1");
      const { ARN = "" } = (await get(target, name)) ?? {};
      assert.equal((await get(target, ARN))?.Value, "1");
    },
  },
  {
    title: "several are read at once, and those that are not there are named",
    source: `${reference}, GetParameters (InvalidParameters)`,
    async run(target) {
      const path = target.newPath();
      await target.put(`${path}/a`, "1");
      await target.put(`${path}/b`, "2");
      const { Parameters = [], InvalidParameters } = await target.client.send(
        new GetParametersCommand({ Names: [`${path}/b`, `${path}/gone`, `${path}/a`] }),
      );
      assert.deepEqual(
        new Map(Parameters.map(({ Name, Value }) => [Name, Value])),
        new Map([
          [`${path}/a`, "1"],
          [`${path}/b`, "2"],
        ]),
      );
      assert.deepEqual(InvalidParameters, [`${path}/gone`]);
    },
  },
  {
    title: "at most ten are read at once",
    source: `${reference}, GetParameters, Names (maximum number of 10 items)`,
    ministack: "reads any number",
    async run(target) {
      const path = target.newPath();
      const Names = Array.from({ length: 11 }, (_, n) => `${path}/${n}`);
      await assert.rejects(target.client.send(new GetParametersCommand({ Names })), {
        name: "ValidationException",
      });
    },
  },
  {
    title: "what is secure is read only by who asks for its decryption",
    source: `${reference}, GetParameter, WithDecryption`,
    async run(target) {
      const name = `${target.newPath()}/token`;
      await target.put(name, "secret", "SecureString");
      assert.equal((await get(target, name, true))?.Value, "secret");
      assert.notEqual((await get(target, name))?.Value, "secret");
    },
  },
  {
    title: "everything below a path comes page by page, deeper ones only on request",
    source: `${reference}, GetParametersByPath (Recursive, at most 10 a page)`,
    async run(target) {
      const path = target.newPath();
      for (let pool = 0; pool < 7; pool += 1) await target.put(`${path}/p${pool}`, `${pool}`);
      await target.put(`${path}/deep/er`, "deep");
      await target.put(`${path}-beside`, "beside");
      const flat = ["0", "1", "2", "3", "4", "5", "6"];
      assert.deepEqual(await valuesBelow(target, path, false), flat);
      assert.deepEqual(await valuesBelow(target, `${path}/`, true), [...flat, "deep"]);
      assert.deepEqual(await valuesBelow(target, `${path}/none`, true), []);
    },
  },
];
