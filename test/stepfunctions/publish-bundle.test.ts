import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { Duration } from "aws-cdk-lib";
import { publishMachineName } from "../../infra/names.ts";
import { type BundleDesk, openDesk } from "../../lambdas/config/bundle-desk.ts";
import { bundlePlaceParameter, parseBundlePlace } from "../../lambdas/config/bundle-place.ts";
import { archiveKey, channelKey, manifestKey } from "../../lambdas/config/keys.ts";
import { publishBundle } from "../../lambdas/config/publish-bundle.ts";
import { readChannel } from "../../lambdas/config/read-channel.ts";
import type { Execution } from "../../rehearsal/emulators/step-functions.ts";
import { routeByHost, serveInProcess } from "../../rehearsal/wire.ts";
import { account, region } from "../../rehearsal/world.ts";
import { type DoctorWorld, raiseDoctorWorld } from "../cli/doctor-world.ts";
import { buildSome } from "../lambdas/config/bundle-account.ts";

let here: DoctorWorld;
/** As a publisher with all rights has it. */
let desk: BundleDesk;
let bucket = "";
beforeEach(async () => {
  here = await raiseDoctorWorld({
    // A machine would wait for a bundle, and nothing is published yet.
    size: 0,
    reference: { bundles: { keepBundles: 1, keepFor: Duration.days(1) } },
  });
  const { s3, kms, ssm, clock } = here.world;
  const place = parseBundlePlace(ssm.get(bundlePlaceParameter("default"))?.value ?? "");
  assert.ok(place);
  bucket = place.bucket;
  const host = (service: string) => `${service}.${region}.amazonaws.com`;
  const route = routeByHost({
    [host("kms")]: kms.service,
    [host("s3")]: s3.service,
    [host("*.s3")]: s3.service,
  });
  const requestHandler = serveInProcess(route, { clock });
  desk = openDesk({ region, maxAttempts: 1, requestHandler }, place, clock);
});
afterEach(() => here.end());

const machine = `arn:aws:states:${region}:${account}:stateMachine:${publishMachineName("default")}`;
const runs = (): Execution[] =>
  here.world.stepFunctions
    .executions()
    .filter(({ stateMachineArn }) => stateMachineArn === machine);
const hour = 60 * 60_000;

const start = async (input: unknown): Promise<Execution> => {
  const request = new Request(`https://states.${region}.amazonaws.com/`, {
    method: "POST",
    headers: { "x-amz-target": "AWSStepFunctions.StartExecution" },
    body: JSON.stringify({
      stateMachineArn: machine,
      name: `by-hand-${runs().length}`,
      input: JSON.stringify(input),
    }),
  });
  const response = await here.world.stepFunctions.service(request);
  const { executionArn } = (await response.json()) as { readonly executionArn: string };
  const run = () => runs().find((each) => each.executionArn === executionArn);
  assert.ok(await here.pace.until(() => run()?.status !== "RUNNING", hour));
  return run()!;
};
const succeed = async (input: unknown): Promise<Record<string, unknown>> => {
  const { status, output, error, cause } = await start(input);
  assert.equal(status, "SUCCEEDED", `${error}: ${cause}`);
  return JSON.parse(output ?? "null") as Record<string, unknown>;
};
const publish = async (text: string, promote = false): Promise<string> => {
  const built = buildSome(text);
  const mover = { who: "ada", now: here.world.clock.now() };
  const order = { pool: "workers", promote, mover };
  await here.pace.await(publishBundle(desk, built, [], order));
  return built.manifest.sha256;
};
const channel = async () => (await here.pace.await(readChannel(desk, "workers")))?.channel;

describe("publish-bundle", () => {
  it("moves a channel as the command line does, and names who did it", async () => {
    const [one, two] = [await publish("one", true), await publish("two")];
    const promoted = await succeed({ action: "promote", pool: "workers", by: "grace" });
    assert.deepEqual(
      [promoted["move"], promoted["current"], promoted["previous"], promoted["serial"]],
      ["promoted", two, one, 3],
    );
    await succeed({ action: "rollback", pool: "workers" });
    await succeed({ action: "publish", pool: "workers", bundle: two });
    await succeed({ action: "withdraw", pool: "workers" });
    const read = await channel();
    assert.equal(read?.current, one);
    assert.deepEqual(
      read.history.slice(2).map(({ move, who }) => [move, who]),
      [
        ["promoted", "grace"],
        ["rolled-back", "publish-bundle by-hand-1"],
        ["published", "publish-bundle by-hand-2"],
        ["withdrawn", "publish-bundle by-hand-3"],
      ],
    );
  });

  it("shows, and changes nothing", async () => {
    const one = await publish("one", true);
    const shown = await succeed({ pool: "workers" });
    assert.equal(shown["serial"], 1);
    assert.match(JSON.stringify(shown["bundles"]), new RegExp(one));
    assert.equal((await channel())?.serial, 1);
  });

  it("begins a channel anew that is gone, from what is stored", async () => {
    const one = await publish("one", true);
    here.world.s3.remove(bucket, channelKey("workers"));
    const published = await succeed({ action: "publish", pool: "workers", bundle: one });
    assert.deepEqual([published["candidate"], published["serial"]], [one, 1]);
  });

  it("refuses at once what is not understood, and what nobody has signed", async () => {
    const one = await publish("one", true);
    const wrong = await start({ action: "apply", pool: "workers" });
    assert.deepEqual([wrong.status, wrong.error], ["FAILED", "InputRefused"]);
    assert.match(wrong.cause ?? "", /action: has to be one of show/);

    const other = "f".repeat(64);
    here.world.s3.put(bucket, archiveKey("workers", other), "whatever");
    here.world.s3.put(bucket, manifestKey("workers", other), "drover-manifest 1\n");
    const unsigned = await start({ action: "promote", pool: "workers", bundle: other });
    assert.deepEqual([unsigned.status, unsigned.error], ["FAILED", "InputRefused"]);
    assert.match(unsigned.cause ?? "", /there is no .*manifest\.sig/);
    assert.equal((await channel())?.current, one);
  });

  it("removes old bundles each day by itself, and none that is needed", async () => {
    const all: string[] = [];
    // A little younger than a day, when the schedule first calls.
    await here.pace.await(here.world.clock.sleep(60_000));
    for (const name of ["a", "b", "c", "d"]) all.push(await publish(name, true));
    await here.pace.await(here.world.clock.sleep(25 * hour));
    const [first] = runs();
    assert.deepEqual([first?.input, first?.status], ['{"action":"prune"}', "SUCCEEDED"]);
    // Of a machine that EC2 does not know any more, and it says nothing.
    here.world.s3.put(bucket, "reports/workers/AROAEXAMPLE:i-0123456789abcdef0", "?");
    const { pruned } = await succeed({ action: "prune" });
    assert.deepEqual(pruned, [{ pool: "workers", removed: all.slice(0, 2), reportsRemoved: 1 }]);
    const stored = here.world.s3.objects(bucket).map(({ key }) => key);
    for (const sha256 of all)
      assert.equal(stored.includes(archiveKey("workers", sha256)), all.indexOf(sha256) >= 2);
  });
});
