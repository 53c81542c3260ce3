import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { formatChannel, signChannel } from "../../../lambdas/config/channel.ts";
import { archiveKey, channelKey, manifestKey, signatureKey } from "../../../lambdas/config/keys.ts";
import { formatManifest } from "../../../lambdas/config/manifest.ts";
import type {
  BundleEvidence,
  MachineEvidence,
  ObjectVersion,
} from "../../../rehearsal/invariants/bundle-evidence.ts";
import { judgeBundles } from "../../../rehearsal/invariants/bundle-invariants.ts";

const pool = "workers";
const minute = 60_000;
const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const signed = (text: string): Buffer => sign("sha256", Buffer.from(text), privateKey);

const digest = (text: string): string => createHash("sha256").update(text).digest("hex");
const [one, two] = [digest("one"), digest("two")];

const write = (at: number, key: string, content: string | Buffer): ObjectVersion => ({
  key,
  at,
  content: Buffer.from(content),
  isForeign: false,
});

const bundle = (at: number, text: string): ObjectVersion[] => {
  const sha256 = digest(text);
  const manifest = formatManifest({ pool, sha256, bytes: text.length, entries: 1 });
  return [
    write(at, archiveKey(pool, sha256), gzipSync(text)),
    write(at, manifestKey(pool, sha256), manifest),
    write(at, signatureKey(pool, sha256), signed(manifest)),
  ];
};

const channel = (at: number, serial: number, current: string, candidate?: string) => {
  const issued = "2026-01-05T09:00:00Z";
  const text = formatChannel({ pool, serial, issued, current, candidate, history: [] });
  return write(at, channelKey(pool), signChannel(text, signed(text)));
};

const machine = (sha256: string, changed: Partial<MachineEvidence> = {}): MachineEvidence => ({
  instanceId: "i-1",
  installations: [{ bundle: sha256, content: sha256, serial: 1, at: 5 * minute }],
  looks: [{ bundle: sha256, from: 4 * minute, until: 5 * minute }],
  node: { status: "ready", bundle: sha256 },
  ...changed,
});

const stored = [...bundle(0, "one"), ...bundle(0, "two"), channel(minute, 1, one, two)];

const broken = (versions: readonly ObjectVersion[], ...machines: MachineEvidence[]): string[] => {
  const keys = [publicKey.export({ format: "pem", type: "spki" }).toString()];
  const evidence: BundleEvidence = {
    pool,
    keys,
    versions: versions.toSorted((first, other) => first.at - other.at),
    machines,
  };
  return judgeBundles(evidence).flatMap(({ name, violations }) =>
    violations.map((violation) => `${name}: ${violation}`),
  );
};

describe("what is a breach", () => {
  const cases: readonly (readonly [string, string[], RegExp])[] = [
    [
      "a channel to a bundle that is not there",
      broken([...stored, channel(2 * minute, 2, digest("three"))]),
      /^channel-points-\S+: serial 2 points to \w+, which was missing/,
    ],
    [
      "a channel to a bundle that was damaged long before",
      broken([
        ...stored,
        write(2 * minute, archiveKey(pool, two), gzipSync("another")),
        channel(20 * minute, 2, two),
      ]),
      /^channel-points-\S+: serial 2 points to \w+, which was missing, damaged/,
    ],
    [
      "a channel that nobody has signed",
      broken([...stored, write(2 * minute, channelKey(pool), "drover-channel 1\n")]),
      /^channel-points-\S+: the channel of \S+ is not signed$/,
    ],
    [
      "a machine with another content than the name says",
      broken(
        stored,
        machine(one, { installations: [{ bundle: one, content: two, serial: 1, at: 1 }] }),
      ),
      /^no-machine-runs-unsigned: i-1 runs \w+, which it fetched as \w+$/,
    ],
    [
      "a machine with what was signed only later",
      broken(
        [...stored, ...bundle(6 * minute, "late"), channel(3 * minute, 2, one)],
        machine(digest("late"), { looks: [] }),
      ),
      /^no-machine-runs-unsigned: i-1 runs \w+, which was never signed for the pool workers$/,
    ],
    [
      "a node that says what its machine does not run",
      broken(stored, machine(one, { node: { status: "ready", bundle: two } })),
      /^no-machine-runs-unsigned: Nomad's node of i-1 says/,
    ],
    [
      "the candidate on a machine without a tag",
      broken(stored, machine(two)),
      /^candidate-only-where-assigned: i-1 looked and runs \w+, which was the candidate, .* says nothing$/,
    ],
    [
      "a tag for what is no candidate any more",
      broken([...stored, channel(2 * minute, 2, one)], machine(two, { tag: two })),
      /^candidate-only-where-assigned: i-1 .* was neither current nor candidate/,
    ],
  ];
  for (const [what, violations, sentence] of cases)
    test(what, () => {
      assert.equal(violations.length, 1, violations.join("\n"));
      assert.match(violations[0] ?? "", sentence);
    });
});

describe("what is none", () => {
  const cases: readonly (readonly [string, string[]])[] = [
    ["a machine on the current bundle", broken(stored, machine(one))],
    ["a machine on the candidate that its tag names", broken(stored, machine(two, { tag: two }))],
    [
      "a machine that looked while the channel moved",
      broken([...stored, channel(4.5 * minute, 2, two)], machine(one), machine(two)),
    ],
    [
      "a bundle that was damaged after the channel was moved to it",
      broken([...stored, write(2 * minute, archiveKey(pool, one), "?")], machine(one)),
    ],
    [
      "a bundle that was damaged between the look at it and the move",
      broken([
        ...stored,
        write(2 * minute, archiveKey(pool, two), "?"),
        channel(2 * minute + 1, 2, two),
      ]),
    ],
    [
      "a channel that somebody else put there",
      broken([
        ...stored,
        { ...write(2 * minute, channelKey(pool), "drover-channel 1\n"), isForeign: true },
      ]),
    ],
    [
      "a machine that never came up",
      broken(stored, { instanceId: "i-1", installations: [], looks: [] }),
    ],
  ];
  for (const [what, violations] of cases) test(what, () => assert.deepEqual(violations, []));
});
