import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import {
  type Channel,
  formatChannel,
  moves,
  parseChannel,
  signChannel,
  splitChannel,
} from "../../../lambdas/config/channel.ts";
import { FormatError, isSpeakable, isWord } from "../../../lambdas/config/lines.ts";
import { formatManifest, type Manifest, parseManifest } from "../../../lambdas/config/manifest.ts";
import {
  architectures,
  changeActions,
  formatPlan,
  hookMoments,
  parsePlan,
  type Plan,
  secretStores,
} from "../../../lambdas/config/plan.ts";

const sha256 = fc.stringMatching(/^[0-9a-f]{64}$/);
const pool = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,20}$/);
const count = fc.nat();
const time = fc
  .date({ min: new Date(0), max: new Date("2200-01-01"), noInvalidDate: true })
  .map((date) => `${date.toISOString().slice(0, 19)}Z`);
const last = fc.string({ unit: "grapheme", minLength: 1 }).filter(isSpeakable);
const path = last.map((text) => `/${text}`).filter(isSpeakable);
const word = fc.string({ unit: "grapheme", minLength: 1 }).filter(isWord);
const mode = fc.stringMatching(/^0[0-7]{3}$/);
const maybe = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: undefined });

const manifest: fc.Arbitrary<Manifest> = fc.record({ pool, sha256, bytes: count, entries: count });

const channel: fc.Arbitrary<Channel> = fc.record({
  pool,
  serial: count,
  issued: time,
  current: maybe(sha256),
  candidate: maybe(sha256),
  previous: maybe(sha256),
  history: fc.array(
    fc.record({
      serial: count,
      time,
      move: fc.constantFrom(...moves),
      sha256,
      revision: maybe(word.filter((text) => text !== "-")),
      who: last,
    }),
    { maxLength: 5 },
  ),
});

const plan: fc.Arbitrary<Plan> = fc.record({
  pool,
  architectures: fc.subarray([...architectures], { minLength: 1 }),
  owned: fc.array(fc.record({ owner: word, mode, path })),
  rendered: fc.array(path),
  binaries: fc.array(
    fc.record({
      arch: fc.constantFrom(...architectures),
      sha256,
      bytes: maybe(count),
      source: word,
      mode,
      path,
    }),
  ),
  checks: fc.array(fc.record({ path: word, args: fc.array(word) })),
  secrets: fc.array(
    fc.record({ store: fc.constantFrom(...secretStores), id: word, owner: word, mode, path }),
  ),
  services: fc.array(
    fc.record({ name: word, runlevel: word, onChange: fc.constantFrom(...changeActions) }),
  ),
  watches: fc.array(fc.record({ service: word, path })),
  hooks: fc.array(fc.record({ moment: fc.constantFrom(...hookMoments), path: last })),
});

/** Without the fields that are there and undefined. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** @param kept - changes nothing, and is the text of a good one */
const refused = (parse: (text: string) => unknown, kept: string, bad: readonly string[]): void => {
  parse(kept);
  for (const text of bad) assert.throws(() => parse(text), FormatError, JSON.stringify(text));
};

const digest = "0123456789abcdef".repeat(4);

describe("the formats that machines read", () => {
  it("are read as they were written", () => {
    fc.assert(
      fc.property(manifest, (value) => {
        assert.deepEqual(parseManifest(formatManifest(value)), plain(value));
      }),
    );
    fc.assert(
      fc.property(channel, (value) => {
        assert.deepEqual(plain(parseChannel(formatChannel(value))), plain(value));
      }),
    );
    fc.assert(
      fc.property(plan, (value) => {
        assert.deepEqual(plain(parsePlan(formatPlan(value))), plain(value));
      }),
    );
  });

  it("say who is at fault when a value would break out of its line", () => {
    for (const evil of ["a\nb", "a\tb", "a\\b", "", " a", "a ", "a\u2028b", "a\u0000", "\ud800"]) {
      const value = { pool: evil, sha256: digest, bytes: 1, entries: 1 };
      assert.throws(() => formatManifest(value), FormatError, JSON.stringify(evil));
    }
    const owned = [{ owner: "root root", mode: "0644", path: "/x" }];
    const empty = parsePlan("drover-plan 1\npool workers\n");
    assert.throws(() => formatPlan({ ...empty, owned }), FormatError);
  });

  it("keep the spaces of a path as they are", () => {
    for (const path of ["/!  !", "/a   b  c", "/a b"]) {
      const text = `drover-plan 1\npool workers\nown root:root 0600 ${path}\nrender ${path}\n`;
      const read = parsePlan(text);
      assert.deepEqual([read.owned[0]?.path, read.rendered[0]], [path, path]);
      assert.equal(formatPlan(read), text);
    }
    for (const line of [
      "own  root:root 0600 /a",
      "own root:root 0600  /a",
      "own root:root  0600 /a",
    ])
      assert.throws(() => parsePlan(`drover-plan 1\npool workers\n${line}\n`), FormatError, line);
  });

  it("are written as the documentation shows them", () => {
    const head = `drover-manifest 1\npool workers\nsha256 ${digest}\nbytes 2048\nentries 2\n`;
    assert.equal(
      formatManifest({ pool: "workers", sha256: digest, bytes: 2048, entries: 2 }),
      head,
    );
    const text = formatChannel({
      pool: "workers",
      serial: 1,
      issued: "2026-11-25T10:00:00Z",
      candidate: digest,
      history: [
        {
          serial: 1,
          time: "2026-11-25T10:00:00Z",
          move: "published",
          sha256: digest,
          who: "Ada Lovelace",
        },
      ],
    });
    assert.equal(
      text,
      `drover-channel 1\npool workers\nserial 1\nissued 2026-11-25T10:00:00Z\ncurrent -\ncandidate ${digest}\nprevious -\nhistory 1 2026-11-25T10:00:00Z published ${digest} - Ada Lovelace\n`,
    );
  });

  it("refuse a manifest that is anything else", () => {
    const good = `drover-manifest 1\npool workers\nsha256 ${digest}\nbytes 1\nentries 1\n`;
    refused(parseManifest, good, [
      "",
      good.trimEnd(),
      good.replace("manifest 1", "manifest 2"),
      good.replace("pool", "Pool"),
      good.replace("pool workers\n", ""),
      good.replace(digest, digest.toUpperCase()),
      good.replace(digest, digest.slice(1)),
      good.replace("bytes 1", "bytes 01"),
      good.replace("bytes 1", "bytes -1"),
      good.replace("bytes 1", "bytes 1e3"),
      good.replace("bytes 1", "bytes  1"),
      good.replace("bytes 1", "bytes 99999999999999999"),
      `${good}more 1\n`,
      `${good}\n`,
      good.replaceAll("\n", "\r\n"),
    ]);
  });

  it("refuse a plan with a word out of its place or unknown", () => {
    const good = "drover-plan 1\npool workers\narch amd64\nown root:root 0600 /a\nrender /a\n";
    refused(parsePlan, good, [
      good.replace("render", "execute"),
      good.replace("arch", "constructor"),
      good.replace("amd64", "sparc"),
      good.replace("0600", "4600"),
      good.replace("0600", "600"),
      "drover-plan 1\npool workers\nrender /a\narch amd64\n",
      "drover-plan 1\narch amd64\n",
      "drover-plan 1\npool workers\nrender\n",
    ]);
  });

  it("part a channel from its signature, whatever is in its history", () => {
    fc.assert(
      fc.property(channel, fc.uint8Array({ minLength: 1, maxLength: 80 }), (value, signature) => {
        const text = formatChannel(value);
        const parted = splitChannel(signChannel(text, signature));
        assert.equal(parted.text, text);
        assert.deepEqual(parted.signature, Buffer.from(signature));
      }),
    );
    const text = formatChannel({
      pool: "workers",
      serial: 1,
      issued: "2026-11-25T10:00:00Z",
      history: [],
    });
    const signed = signChannel(text, Buffer.from("signature"));
    refused(splitChannel, signed, [
      text,
      `${signed}\n`,
      `${signed}more 1\n`,
      signed.replace("signature ", "signature"),
      signed.trimEnd(),
    ]);
  });
});
