import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import * as fc from "fast-check";
import { makeMachine } from "./world/machine.ts";
import { buildBundle, buildChannel, bundleObjects, makeKey, publicPem } from "./world/publisher.ts";

/** What became of an object on its way. */
type Damage =
  | { readonly kind: "flip"; readonly bit: number }
  | { readonly kind: "cut"; readonly length: number };

const damage = (content: Buffer, what: Damage): Buffer => {
  if (what.kind === "cut") return content.subarray(0, what.length);
  const flipped = Buffer.from(content);
  const byte = Math.floor(what.bit / 8);
  flipped.writeUInt8(flipped.readUInt8(byte) ^ (1 << (what.bit % 8)), byte);
  return flipped;
};

const damageOf = (content: Buffer): fc.Arbitrary<Damage> =>
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.nat(content.length * 8 - 1).map((bit): Damage => ({ kind: "flip", bit })),
    },
    {
      weight: 1,
      arbitrary: fc.nat(content.length - 1).map((length): Damage => ({ kind: "cut", length })),
    },
  );

const key = makeKey();
const bundle = await buildBundle(key.privateKey, {
  files: {
    "/etc/one.conf": "one\n".repeat(40),
    "/etc/two.d/two.conf": "{{drover.pool}} two\n",
    "/etc/two.d/three": Buffer.from(Array.from({ length: 300 }, (_, index) => (index * 73) % 256)),
  },
  links: { "/etc/four": "two.d/three" },
});

const objects = new Map(
  [
    ...bundleObjects(bundle),
    [
      "channels/workers",
      Buffer.from(buildChannel(key.privateKey, { serial: 42, current: bundle.sha256 })),
    ] as const,
  ].map(([name, content]) => [name.slice(name.lastIndexOf("/") + 1), content]),
);

/**
 * Whether an archive still holds the very same tar: the digest is that of the tar, and gzip writes
 * the same in many ways (other times in its header, other distances to the same words).
 */
const holdsTheSame = (name: string, content: Buffer): boolean => {
  if (!name.endsWith(".tar.gz")) return false;
  const read = Buffer.from(content);
  // Flags that mean nothing yet: Node.js stops at them, and busybox reads on.
  if (read.length > 3) read[3] = (read[3] ?? 0) & 0x1f;
  try {
    return gunzipSync(read).equals(bundle.tar);
  } catch {
    return false;
  }
};

describe("one bit flipped, or an end cut off", () => {
  it("is refused, wherever it is, and leaves nothing behind", async (context) => {
    const machine = await makeMachine(context);
    machine.write(
      "/etc/drover/settings",
      "DROVER_POOL=workers\nDROVER_CLUSTER=blue\nDROVER_BUCKET=b\nDROVER_REGION=r\nDROVER_ROLE_ID=A\n",
    );
    machine.write("/etc/drover/key.pem", publicPem(key.publicKey));
    const sampled = fc.sample(
      fc
        .constantFrom(...objects.keys())
        .chain((name) =>
          fc.tuple(fc.constant(name), damageOf(objects.get(name) ?? Buffer.alloc(1))),
        ),
      1_000,
    );
    const archive = [...objects.keys()].find((name) => name.endsWith(".tar.gz")) ?? assert.fail();
    // A flag in the header of gzip that means nothing yet.
    const cases = [...sampled, [archive, { kind: "flip", bit: 30 }] as [string, Damage]];
    const folder = (name: string) => {
      const path = join(machine.root, "cases", name);
      mkdirSync(path, { recursive: true });
      return path;
    };
    for (const [name, content] of objects) writeFileSync(join(folder("good"), name), content);
    cases.forEach(([name, what], index) => {
      const content = damage(objects.get(name) ?? Buffer.alloc(0), what);
      writeFileSync(join(folder(String(index)), name), content);
    });
    for (const name of ["bucket-folder.sh", "obtain-each.sh"])
      machine.write(`/${name}`, readFileSync(join(import.meta.dirname, "world", name)), 0o755);

    const done = await machine.run(
      `cd /cases && /obtain-each.sh good ${cases.map((_, index) => index).join(" ")}`,
      { limitSeconds: 120 },
    );

    assert.equal(done.code, 0, done.stderr);
    const [good = "", ...lines] = done.stdout.trimEnd().split("\n");
    const [, code, installed = ""] = good.split(" ");
    assert.equal(code, "0", good);
    assert.match(installed, /^[0-9a-f]{64}$/);
    assert.equal(lines.length, cases.length);
    const reasons = new Set<string>();
    lines.forEach((line, index) => {
      const [, code, left, ...reason] = line.split(" ");
      const [name, what] = cases[index] ?? assert.fail();
      const of = `${name} ${JSON.stringify(what)}: ${line}`;
      if (code === "0") {
        assert.ok(holdsTheSame(name, damage(objects.get(name) ?? assert.fail(), what)), of);
        assert.equal(left, installed, of);
        return;
      }
      assert.deepEqual([code, left], ["3", "nothing"], of);
      reasons.add(reason.join(" ").replaceAll(/[0-9a-f]{64}|\d+/g, "…"));
    });
    // Each kind of damage has words of its own.
    assert.ok(reasons.size >= 5, [...reasons].join("\n"));
    context.diagnostic([...reasons].join("\n"));
  });
});
