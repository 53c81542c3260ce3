import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { secretsManager } from "../../../lambdas/clients/secrets.ts";
import { type Bench, startBench } from "../bench.ts";

let bench: Bench;
beforeEach(async () => void (bench = await startBench()));
afterEach(() => bench.end());

/** Since the last time. */
const calls = () => bench.operations("secretsmanager");
const open = (...ids: (string | undefined)[]) => {
  const secrets = secretsManager(bench.surroundings, ids);
  return {
    refresh: () => secrets.refresh(),
    read: (id?: string) => bench.settle(secrets.read(id)),
    readAll: () => bench.settle(Promise.all(ids.map((id) => secrets.read(id)))),
  };
};

describe("the secrets of a function", () => {
  test("are read in one call, in whichever order they come", async () => {
    const ids = ["z", "m", "a"].map((name) => bench.secrets.create(name, `of ${name}\n`));
    // One is given twice, and one not at all.
    const secrets = open(...ids, ids[0], undefined);
    assert.deepEqual(await secrets.readAll(), ["of z", "of m", "of a", "of z", undefined]);
    const [body] = bench.sent.map((sent) => JSON.parse(sent.body) as { SecretIdList: unknown });
    assert.deepEqual(body?.SecretIdList, ids);
    assert.deepEqual(calls(), ["BatchGetSecretValue"]);
  });

  test("are told apart by name, by ARN, and by an ARN without its end", async () => {
    const arn = bench.secrets.create("drover/token", "1");
    // Begins as the other one does.
    const longer = bench.secrets.create("drover/token-of-nobody", "2");
    const partial = bench.secrets.create("drover/ca", "3").slice(0, -7);
    bench.secrets.create("drover/key", "4");
    const secrets = open(longer, "drover/key", partial, arn, arn.slice(0, -7));
    assert.deepEqual(await secrets.readAll(), ["2", "4", "3", "1", "1"]);
  });

  test("need no call when there are none", async () => {
    assert.deepEqual(await open(undefined).readAll(), [undefined]);
    assert.deepEqual(calls(), []);
  });

  test("are kept for five minutes, and asked for again at once when they were refused", async () => {
    const id = bench.secrets.create("token", "1");
    const secrets = open(id);
    await secrets.read(id);
    bench.secrets.rotate(id, "2");
    await bench.pass(299);
    assert.equal(await secrets.read(id), "1");
    await bench.pass(1);
    assert.equal(await secrets.read(id), "2");
    bench.secrets.rotate(id, "3");
    secrets.refresh();
    assert.equal(await secrets.read(id), "3");
    assert.equal(calls().length, 3);
  });

  test("of which one cannot be read: it is named with the reason, and the others are given", async () => {
    const [there, refused] = ["there", "refused"].map((name) => bench.secrets.create(name, name));
    bench.secrets.refuse("refused", "AccessDeniedException", "Access to KMS is not allowed");
    const secrets = open(there, refused, "none");
    assert.equal(await secrets.read(there), "there");
    await assert.rejects(secrets.read(refused), {
      name: "AccessDeniedException",
      message: `the secret ${refused}: Access to KMS is not allowed`,
    });
    await assert.rejects(secrets.read("none"), {
      name: "ResourceNotFoundException",
      message: /^the secret none: /,
    });
    assert.equal(await secrets.read(there), "there");
  });

  test("of which one could not be read: whoever needs that one asks again, nobody else does", async () => {
    const there = bench.secrets.create("there", "there");
    const secrets = open(there, "late");
    for (let i = 0; i < 3; i += 1) assert.equal(await secrets.read(there), "there");
    assert.equal(calls().length, 1);
    await assert.rejects(secrets.read("late"));
    bench.secrets.create("late", "late");
    assert.equal(await secrets.read("late"), "late");
    assert.equal(calls().length, 1);
  });

  test("that nothing is said of are an error too, by name", async () => {
    const secrets = open("token");
    bench.meddle(({ host }) =>
      host.startsWith("secretsmanager") ? { status: 200, body: "{}" } : undefined,
    );
    await assert.rejects(secrets.read("token"), /the secret token: /);
  });

  test("that were not given cannot be asked for", async () => {
    await assert.rejects(open("token").read("other"), /the secret other was not given/);
  });
});
