import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openDesk } from "../../../lambdas/config/bundle-desk.ts";
import { archiveKey } from "../../../lambdas/config/keys.ts";
import { listReports, listStored } from "../../../lambdas/config/list-bundles.ts";
import { describeBundles } from "../../../lambdas/config/rules/describe-bundles.ts";
import { beginning, bucket, region, withEach } from "./bundle-account.ts";
import { useBundleAccount } from "./use-bundle-account.ts";

const account = useBundleAccount();

const digest = "0123456789abcdef".repeat(4);
const put = (name: string, text: string) =>
  account().s3.put(bucket, `reports/workers/${name}`, text);
const report = (reason = "-") =>
  `drover-report 1\npool workers\ntime 2026-11-25T10:00:00Z\nstate kept\nbundle ${digest}\nserial 1\nseconds 12\nstep done\nreason ${reason}\n`;
const list = (desk = account().desk()) => listReports(desk, "workers");

describe("reports of machines", () => {
  it("are read by the names of their objects, with the time at which they were stored", async () => {
    put("AROA:i-0a", report());
    const [machine] = await list();
    assert.deepEqual(
      [machine?.instanceId, machine?.key, machine?.stored, machine?.report?.bundle],
      ["i-0a", "reports/workers/AROA:i-0a", beginning, digest],
    );
  });

  it("of other names are no machine's", async () => {
    for (const name of [
      "AROA:ada",
      "i-0a",
      "AROA:i-0a.old",
      "AROA:i-0A",
      `AROA:i-${"0".repeat(18)}`,
      "",
    ])
      put(name, report());
    assert.deepEqual(await list(), []);
  });

  for (const [name, text] of [
    ["are no text", "\0\u00ff\u00fe"],
    ["are cut", report().slice(0, 40)],
    ["have more than a machine has to say", report("x".repeat(64 * 1024))],
    ["are larger than what is read into memory", report("x".repeat(1024 * 1024))],
  ] as const)
    it(`are unreadable where they ${name}, and those of others are read`, async () => {
      put("AROA:i-0a", text);
      put("AROA:i-0b", report());
      assert.deepEqual(
        (await list()).map((each) => [each.instanceId, each.report?.state]),
        [
          ["i-0a", undefined],
          ["i-0b", "kept"],
        ],
      );
    });

  it("may end in half a letter", async () => {
    const whole = Buffer.from(report("é"));
    account().s3.put(
      bucket,
      "reports/workers/AROA:i-0a",
      Buffer.concat([whole.subarray(0, -2), Buffer.from("\n")]),
    );
    assert.equal((await list())[0]?.report?.reason, "?");
  });

  it("may grow, or go, between the list and the reading", async () => {
    put("AROA:i-0a", report());
    put("AROA:i-0b", report());
    const handler = withEach(account().handler(), ({ method, path }) => {
      if (method !== "GET") return;
      if (path.endsWith("i-0a")) put("AROA:i-0a", "x".repeat(1024 * 1024 + 1));
      if (path.endsWith("i-0b")) account().s3.remove(bucket, "reports/workers/AROA:i-0b");
    });
    const desk = openDesk(
      { region, maxAttempts: 1, requestHandler: handler },
      account().place,
      account().clock,
    );
    assert.deepEqual(
      (await list(desk)).map((each) => [each.instanceId, each.report]),
      [["i-0a", undefined]],
    );
  });

  it("are told in so many letters, whatever a machine writes", async () => {
    put("AROA:i-0a", report("é".repeat(5_000)));
    const { machines } = describeBundles("workers", {
      channel: undefined,
      stored: [],
      machines: await list(),
    });
    assert.equal(machines[0]?.reason, `${"é".repeat(500)}…`);
  });
});

describe("stored bundles", () => {
  it("are archives under their digests, and nothing else", async () => {
    const others = ["bundles/workers/x.tar.gz", `bundles/workers/old/${digest}.tar.gz`];
    for (const key of [archiveKey("workers", digest), ...others])
      account().s3.put(bucket, key, "archive");
    assert.deepEqual(await listStored(account().desk(), "workers"), [
      { sha256: digest, bytes: 7, stored: beginning },
    ]);
  });
});
