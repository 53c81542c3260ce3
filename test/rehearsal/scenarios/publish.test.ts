import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { findPublishFault, publishFaultNames } from "../../../rehearsal/publishing/faults.ts";
import type { PublishOccurrence } from "../../../rehearsal/publishing/scene.ts";
import { type PublishReport, rehearsePublish } from "../../../rehearsal/scenarios/publish.ts";
import { createAuthority } from "../../iam/authority.ts";
import { appointAuthority, standingAuthority } from "../../../rehearsal/world/authorisation.ts";

const rehearse = async (...schedule: PublishOccurrence[]): Promise<PublishReport> => {
  const report = await rehearsePublish({ seed: 1, schedule });
  assert.deepEqual(
    report.invariants.filter(({ held }) => !held),
    [],
  );
  return report;
};

const told = ({ timeline }: PublishReport): string => timeline.map(({ line }) => line).join("\n");
const runs = ({ machines }: PublishReport) => machines.map(({ bundle }) => bundle);

describe("a rehearsal of publishing", () => {
  test("has each machine run what its assignment says, and sees what is outdated", async () => {
    const report = await rehearse();
    const { first, second, third } = report.bundles;
    assert.equal(new Set([first, second, third]).size, 3);
    assert.ok(report.machines.every(({ isReady, state }) => isReady && state === "ready"));
    const three = (bundle: string) => Array.from({ length: 3 }, () => bundle);
    // The one that tried the candidate has looked again.
    assert.deepEqual(runs(report), [...three(first), first, ...three(second), ...three(first)]);
    assert.equal(report.machines[3]?.assigned, second);
    assert.deepEqual(
      report.machines.map(({ isOutdated }) => isOutdated),
      runs(report).map((bundle) => bundle === second),
    );
    assert.match(told(report), /runs the second bundle\n.*promote the second bundle: done/);
    const { serial, current, candidate, previous } = report.channel;
    assert.deepEqual([serial, current, candidate, previous], [4, first, null, second]);
  });

  test("is the same for the same seed", async () => {
    const schedule = publishFaultNames.map((fault) => ({
      fault,
      ...findPublishFault(fault).draw(() => 0.4),
    }));
    const once = async () => {
      const { wallSeconds: _, ...report } = await rehearsePublish({ seed: 5, schedule });
      return report;
    };
    assert.deepEqual(await once(), await once());
  });

  test("gives everybody their own policy, and no more is needed", async () => {
    const used = new Set<string>();
    const denied: string[] = [];
    const before = standingAuthority();
    appointAuthority(
      createAuthority({
        journal: {
          used: (who, action) => void used.add(`${who}: ${action}`),
          denied: (who, message) => void denied.push(`${who}: ${message}`),
        },
      }),
    );
    try {
      const report = await rehearse();
      assert.ok(report.machines.every(({ isReady }) => isReady));
    } finally {
      appointAuthority(before);
    }
    assert.deepEqual(denied, []);
    const of = (who: string) => [...used].filter((each) => each.startsWith(`${who}: `)).toSorted();
    assert.deepEqual(of("machine of workers"), [
      "machine of workers: s3:GetObject",
      "machine of workers: s3:PutObject",
    ]);
    assert.deepEqual(of("operator"), ["operator: states:StartExecution"]);
    assert.deepEqual(of("publisher"), [
      "publisher: kms:GetPublicKey",
      "publisher: kms:Sign",
      "publisher: s3:GetObject",
      "publisher: s3:ListBucket",
      "publisher: s3:PutObject",
      "publisher: ssm:GetParameter",
    ]);
  });
});

describe("when something goes wrong", () => {
  const boots = 85_000;

  test("machines wait for S3 until it is back", async () => {
    const report = await rehearse({ fault: "s3-fails", at: boots, lasts: 300_000, share: 1 });
    assert.ok(report.machines.every(({ isReady }) => isReady));
    assert.ok(report.virtualSeconds > 500, `${report.virtualSeconds} s`);
  });

  test("a machine whose bucket stays away does not come up", async () => {
    const report = await rehearse({
      fault: "s3-unreachable",
      at: boots,
      lasts: 3_600_000,
      share: 1,
    });
    const [machine] = report.machines;
    assert.deepEqual([machine?.isReady, machine?.state, machine?.bundle], [false, "failed", null]);
    assert.match(told(report), /does not come up: gave up: channels\/workers: .*for 9\d\d s$/m);
  });

  test("a publisher who dies runs it again", async () => {
    for (const call of [2, 4, 6, 8, 10]) {
      const report = await rehearse({ fault: "publisher-dies", at: 0, call, how: "dies before" });
      assert.match(told(report), /ada publishes the first bundle and died in the middle of it/);
      assert.match(told(report), /ada publishes the first bundle: /);
      assert.ok(report.machines.every(({ isReady }) => isReady));
    }
  });

  test("of two publishers both are stored, and one is the candidate", async () => {
    const report = await rehearse({ fault: "two-publishers", at: 40_000 });
    assert.match(told(report), /alan publishes the third bundle/);
    const tried = report.machines[3]?.assigned;
    assert.ok(tried === report.bundles.second || tried === report.bundles.third);
    assert.ok(report.machines.every(({ isReady }) => isReady));
  });

  test("what nobody has signed is neither promoted nor run", async () => {
    const unsigned = await rehearse({ fault: "unsigned-archive", at: 70_000 });
    assert.equal(unsigned.faults?.[0]?.what, "promoting it has failed");
    assert.equal(unsigned.channel.current, unsigned.bundles.first);
    const forged = await rehearse({ fault: "forged-channel", at: boots, lasts: 60_000 });
    assert.match(
      told(forged),
      /does not come up: refused: channels\/workers has a wrong signature/,
    );
    const damaged = await rehearse({ fault: "damaged-archive", at: boots, lasts: 60_000 });
    assert.match(told(damaged), /does not come up: refused: the archive of \w+ has the digest/);
    for (const report of [unsigned, forged, damaged])
      assert.ok(
        runs(report).every(
          (bundle) => bundle === null || Object.values(report.bundles).includes(bundle),
        ),
      );
  });

  test("a machine that has seen more takes no old channel", async () => {
    const report = await rehearse({ fault: "old-channel", at: 225_000, lasts: 60_000 });
    assert.match(
      told(report),
      /looks again, and keeps the second bundle: refused: .* somebody put an old one back/,
    );
    assert.equal(report.machines[3]?.state, "kept");
  });
});
