import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { renderBundles } from "../../cli/commands/render-bundles.ts";
import type { Step } from "../../lambdas/config/channel.ts";
import type {
  BundleRow,
  BundlesReport,
  MachineRow,
} from "../../lambdas/config/rules/describe-bundles.ts";

const digest = "a".repeat(64);
const time = "2026-11-25T10:00:00Z";
const step: Step = { serial: 1, time, move: "promoted", sha256: digest, who: "ada" };
const bundle = (facts: Partial<BundleRow> = {}): BundleRow => ({
  sha256: digest,
  place: "current",
  bytes: 198,
  stored: time,
  moves: [step],
  machines: [],
  ...facts,
});
const machine = (facts: Partial<MachineRow> = {}): MachineRow => ({
  instanceId: "i-0a",
  bundle: digest,
  state: "ready",
  time,
  reason: null,
  ...facts,
});
const render = (facts: Partial<BundlesReport>): string =>
  renderBundles({ pool: "workers", serial: 1, issued: time, bundles: [], machines: [], ...facts });

describe("the bundles of a pool for a person", () => {
  it("are told with their history and their machines, in straight columns", () => {
    const machines = [
      machine({ instanceId: "i-0123456789abcdef0" }),
      machine({ state: "kept", reason: "gave up: no answer" }),
      machine({ instanceId: "i-0b", state: "unreadable", bundle: null, time: null }),
    ];
    assert.equal(
      render({ bundles: [bundle({ machines: ["i-0123456789abcdef0", "i-0a"] })], machines }),
      `workers, serial 1

BUNDLE                                                            IS       STORED                SIZE   MACHINES
${digest}  current  ${time}  198 B  2

SERIAL  TIME                  MOVE      BUNDLE        SOURCE  BY
1       ${time}  promoted  aaaaaaaaaaaa  -       ada

3 machines have reported; what they said last (some may have ended since):

INSTANCE             BUNDLE        REPORTED
i-0123456789abcdef0  aaaaaaaaaaaa  ${time}

Not as they should be:

INSTANCE  STATE       BUNDLE        REPORTED              REASON
i-0a      kept        aaaaaaaaaaaa  ${time}  gave up: no answer
i-0b      unreadable  -             -                     -
`,
    );
  });

  it("have no empty tables", () => {
    assert.equal(
      render({ serial: null, machines: [machine({ state: "failed", bundle: null })] }),
      `workers: nothing was published yet.

1 machine has reported; what it said last (it may have ended since):

Not as it should be:

INSTANCE  STATE   BUNDLE  REPORTED              REASON
i-0a      failed  -       ${time}  -
`,
    );
    assert.doesNotMatch(render({ bundles: [bundle()] }), /machine/);
    assert.match(
      render({ serial: null, bundles: [bundle({ moves: [] })] }),
      /^workers, serial -\n/,
    );
    assert.doesNotMatch(render({ bundles: [bundle({ moves: [] })] }), /MOVE/);
  });

  for (const [bytes, text] of [
    [null, "removed"],
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [999_949, "999.9 kB"],
    [999_950, "1.0 MB"],
    [123_456_789, "123.5 MB"],
    [5_000_000_000_000, "5000.0 GB"],
  ] as const)
    it(`tell the size of ${bytes} bytes as ${text}`, () =>
      assert.ok(render({ bundles: [bundle({ bytes })] }).includes(`${time}  ${text} `)));
});
