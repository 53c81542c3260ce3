import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, matchesGlob } from "node:path";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { stringify } from "yaml";
import { layOutTree, look, type Tree, trees } from "../infra/bundle/trees.ts";
import { makeMachine } from "./world/machine.ts";
import {
  buildBundleOf,
  buildChannel,
  bundleObjects,
  makeKey,
  publicPem,
} from "./world/publisher.ts";

/** A tree, and whether it belongs to a user of the machine. */
interface Drawn {
  readonly tree: Tree;
  readonly owned: boolean;
}

const drawn: fc.Arbitrary<Drawn> = fc.record({ tree: trees, owned: fc.boolean() });
const count = 100;

const glob = "/opt/tree/**";

/** What a machine has of a source: all is root's, unless the source says otherwise. */
const expectedOf = (source: string, owned: boolean): Record<string, string> =>
  Object.fromEntries(
    Object.entries(look(join(source, "files"))).map(([path, facts]) => [
      path,
      owned && matchesGlob(`/${path}`, glob)
        ? // The mode of a glob is that of files.
          facts.replace(/^0:0 \d+/, "65534:65534 750").replace(/^folder 0:0/, "folder 65534:65534")
        : facts,
    ]),
  );

describe("any tree", () => {
  it("that is published is the same on a machine, and nothing is left of the one before", async (context) => {
    const sources = mkdtempSync(join(tmpdir(), "drover-trees-"));
    context.after(() => rmSync(sources, { recursive: true }));
    const machine = await makeMachine(context);
    const key = makeKey();
    machine.write(
      "/etc/drover/settings",
      "DROVER_POOL=workers\nDROVER_CLUSTER=blue\nDROVER_BUCKET=b\nDROVER_REGION=r\nDROVER_ROLE_ID=A\n",
    );
    machine.write("/etc/drover/key.pem", publicPem(key.publicKey));
    for (const name of ["bucket-folder.sh", "install-each.sh"])
      machine.write(`/${name}`, readFileSync(join(import.meta.dirname, "world", name)), 0o755);
    const cases = fc.sample(drawn, count).map(({ tree, owned }, index) => {
      const source = join(sources, String(index));
      mkdirSync(join(source, "files", "opt", "tree"), { recursive: true });
      layOutTree(source, "files/opt/tree", tree);
      // A path that matches nothing is a fault.
      const isOwned =
        owned &&
        Object.entries(look(join(source, "files"))).some(
          ([path, facts]) => !facts.startsWith("->") && matchesGlob(`/${path}`, glob),
        );
      const files = [{ path: glob, owner: "nobody:nobody", mode: "0750" }];
      writeFileSync(
        join(source, "bundle.yaml"),
        stringify({ architectures: ["amd64", "arm64"], ...(isOwned && { files }) }),
      );
      return { source, owned: isOwned };
    });
    for (const [index, { source }] of cases.entries()) {
      const folder = join(machine.root, "cases", String(index));
      mkdirSync(folder, { recursive: true });
      const bundle = await buildBundleOf(key.privateKey, source);
      for (const [name, object] of bundleObjects(bundle))
        writeFileSync(join(folder, name.slice(name.lastIndexOf("/") + 1)), object);
      const channel = { serial: index + 1, current: bundle.sha256 };
      writeFileSync(join(folder, "workers"), buildChannel(key.privateKey, channel));
    }

    const done = await machine.run(`/install-each.sh ${count}`);

    assert.equal(done.code, 0, done.stdout + done.stderr);
    for (const [index, { source, owned }] of cases.entries()) {
      const folder = join(machine.root, "cases", String(index));
      const expected = expectedOf(source, owned);
      assert.deepEqual(look(join(folder, "root")), expected);
      const places = Object.keys(expected).filter((path) => !expected[path]?.startsWith("folder"));
      assert.deepEqual(
        readFileSync(join(folder, "links"), "utf8")
          .split("\n")
          .filter((line) => line !== "")
          .toSorted(),
        places.map((path) => `/${path}\t/var/lib/drover/current/root/${path}`).toSorted(),
      );
    }
  });
});
