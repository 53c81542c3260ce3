import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { archiveKey, channelKey } from "../../lambdas/config/keys.ts";
import { bucket, caller } from "../lambdas/config/bundle-account.ts";
import { useBundleCommands } from "./bundle-commands.ts";

const { account, scratch, source, write, drover, fine, json, publish } = useBundleCommands();

describe("drover publish", () => {
  it("makes a folder the candidate, with the digest of the dry run", async () => {
    const dry = await publish("--dry-run");
    const published = await publish();
    for (const [name, value] of Object.entries(dry)) assert.deepEqual(published[name], value);
    assert.equal(published["stored"], true);
    assert.equal(published["move"], "published");
    assert.equal(account().channel()?.candidate, dry["bundle"]);
    assert.equal(account().channel()?.history[0]?.who, caller);
  });

  it("says in words what that means for machines", async () => {
    const { bundle } = await publish("--dry-run");
    const said = await fine("publish", source());
    assert.match(said, /The source is right\.\n +pool +workers\n/);
    assert.match(said, new RegExp(`the bundle ${String(bundle)} is the candidate now: `));
    assert.match(
      said,
      /machines with the tag drover:bundle=.* take it, .* until somebody promotes/,
    );
    assert.match(await fine("publish", source()), /nothing was moved: it is the candidate already/);
    assert.match(await fine("publish", source(), "--promote"), /is the current one now/);
  });

  it("names the last commit of the source, and whether it has changes", async () => {
    const git = (...args: readonly string[]) =>
      execFileSync("git", ["-C", scratch(), "-c", "user.name=a", "-c", "user.email=a@b", ...args], {
        encoding: "utf8",
      }).trim();
    const revision = () => account().channel()?.history.at(-1)?.revision;
    git("init", "-q");
    await publish();
    assert.equal(revision(), undefined);
    git("add", ".");
    git("commit", "-qm", "the source");
    const commit = git("rev-parse", "HEAD").slice(0, 12);
    git("commit", "-qm", "something else", "--allow-empty");
    await publish("--promote");
    assert.equal(revision(), commit);
    write("files/etc/motd", "good evening\n");
    await publish();
    assert.equal(revision(), `${commit}-dirty`);
  });

  it("asks back before it promotes, and does nothing without a yes", async () => {
    const args = ["publish", source(), "--pool", "workers", "--promote"];
    const asked: string[] = [];
    const answering = (answer: boolean) => ({
      confirm: (question: string) => {
        asked.push(question);
        return Promise.resolve(answer);
      },
    });
    const no = await drover(args, answering(false));
    assert.deepEqual([no.code, no.error], [1, "drover: nothing was published\n"]);
    assert.deepEqual(account().contents(), {});
    assert.equal((await drover(args, answering(true))).code, 0);
    assert.match(asked[0] ?? "", /Every machine of workers .* tried by none/);
    assert.equal(asked.length, 2);
    await drover([...args, "--yes"], answering(false));
    await drover(args.slice(0, -1), answering(false));
    assert.equal(asked.length, 2);
  });

  it("takes a link to a folder for the folder", async () => {
    const { bundle } = await publish("--dry-run");
    symlinkSync(source(), join(scratch(), "link"));
    const linked = await json("publish", join(scratch(), "link"), "--dry-run");
    assert.deepEqual([linked["bundle"], linked["files"]], [bundle, 1]);
    assert.match(await fine("publish", source(), "--dry-run"), /\d bytes in 1 file\n/);
  });

  it("publishes nothing of a source with faults", async () => {
    write("files/etc/bad.json", "{");
    symlinkSync("/etc/shadow", join(source(), "files", "etc", "link"));
    const { code, error } = await drover(["publish", source(), "--pool", "workers"]);
    assert.equal(code, 1);
    assert.match(error, /has 2 faults, and nothing was published/);
    assert.deepEqual(account().contents(), {});
  });
});

describe("the faults of a source with --json", () => {
  for (const command of ["publish", "diff"])
    it(`are the one document of ${command}, and stderr stays empty`, async () => {
      write("files/etc/bad.conf", "ok\n{{drover.wrong}}\n");
      symlinkSync("/etc/shadow", join(source(), "files", "etc", "link"));
      const { code, out, error } = await drover([command, source(), "--pool", "workers", "--json"]);
      assert.deepEqual([code, error], [1, ""]);
      const { faults, ...rest } = JSON.parse(out) as {
        readonly faults: readonly { file: string; line: number | null; message: string }[];
      };
      assert.deepEqual(rest, {});
      assert.deepEqual(faults.map(({ file, line }) => `${file}:${line}`).toSorted(), [
        "files/etc/bad.conf:2",
        "files/etc/link:null",
      ]);
      assert.match(faults.find(({ line }) => line === 2)?.message ?? "", /instance_id/);
      assert.deepEqual(account().contents(), {});
    });
});

describe("drover bundles", () => {
  it("shows who did what, and which machines run what", async () => {
    const { bundle: one } = await publish("--promote");
    write("files/etc/motd", "good evening\n");
    const { bundle: two } = await publish();
    const report = (state: string, bundle: unknown, reason: string) =>
      `drover-report 1\npool workers\ntime 2026-11-25T10:00:00Z\nstate ${state}\nbundle ${String(bundle)}\nserial 1\nseconds 12\nstep done\nreason ${reason}\n`;
    account().s3.put(bucket, "reports/workers/AROA:i-0a", report("ready", one, "-"));
    account().s3.put(bucket, "reports/workers/AROA:i-0b", report("failed", "-", "no such secret"));
    const shown = await json("bundles");
    const bundles = shown["bundles"] as readonly Record<string, unknown>[];
    assert.deepEqual(
      bundles.map(({ sha256, place, machines }) => [sha256, place, machines]),
      [
        [one, "current", ["i-0a"]],
        [two, "candidate", []],
      ],
    );
    const text = await fine("bundles");
    assert.match(text, new RegExp(`${String(one)} +current +2026-11-25T10:00:00Z +\\d+ B +1\n`));
    assert.match(text, /2 +2026-11-25T10:00:00Z +published +[0-9a-f]{12} +- +arn:aws:sts/);
    assert.match(
      text,
      /Not as it should be:\n\nINSTANCE .*\ni-0b +failed +- +2026-11-25T10:00:00Z +no such secret/,
    );
  });

  it("says that nothing was published", async () => {
    assert.equal(await fine("bundles"), "workers: nothing was published yet.\n");
  });
});

describe("drover diff", () => {
  it("shows what would change on machines, in lines", async () => {
    write("files/etc/old", "old\n");
    write("files/etc/blob", Buffer.from([0, 1, 2]));
    await publish("--promote");
    rmSync(join(source(), "files/etc/old"));
    write("files/etc/motd", "good evening\n");
    write("files/etc/blob", Buffer.from([0, 1, 2, 3]));
    write("files/etc/new file", "new\n");
    const text = await fine("diff", source());
    assert.match(text, /^workers: from [0-9a-f]{64} \(current\) to [0-9a-f]{64} \(source\)\n/);
    for (const line of [
      "- files/etc/old",
      "+ files/etc/new file",
      "~ files/etc/blob (3 -> 4 bytes)",
      "~ files/etc/motd (6 -> 13 bytes)",
      "--- current/files/etc/motd",
      "+++ source/files/etc/motd",
      "-hello",
      "+good evening",
      "+new",
    ])
      assert.ok(text.split("\n").includes(line), `${line} in\n${text}`);
    assert.equal(text.includes("\u0000"), false);
    const told = await json("diff", source());
    assert.deepEqual(
      [told["added"], told["removed"], told["changed"], told["same"]],
      [["files/etc/new file"], ["files/etc/old"], ["files/etc/blob", "files/etc/motd"], false],
    );
  });

  it("shows what is done besides laying out files", async () => {
    await publish("--promote");
    write(
      "bundle.yaml",
      "architectures: [amd64]\nfiles:\n  - path: /etc/motd\n    owner: nobody:nobody\n",
    );
    assert.match(await fine("diff", source()), /\n\+own nobody:nobody 0644 \/etc\/motd\n/);
  });

  it("compares with the candidate, or with any bundle", async () => {
    const { bundle: one } = await publish("--promote");
    write("files/etc/motd", "good evening\n");
    await publish();
    assert.match(
      await fine("diff", source(), "--against", "candidate"),
      /the source is the candid/,
    );
    assert.match(await fine("diff", source(), "--against", String(one)), /\+good evening/);
    assert.match(await fine("diff", source(), "--against", "previous"), /there is no previous/);
  });

  it("refuses an archive that is not what was signed", async () => {
    const { bundle } = await publish("--promote");
    account().s3.put(bucket, archiveKey("workers", String(bundle)), "nonsense");
    const { code, error } = await drover(["diff", source(), "--pool", "workers"]);
    assert.equal(code, 1);
    assert.match(error, /is no gzip/);
  });
});

describe("drover promote, rollback and withdraw", () => {
  it("move the channel and say so", async () => {
    const { bundle: one } = await publish("--promote");
    write("files/etc/motd", "good evening\n");
    const { bundle: two } = await publish();
    assert.match(await fine("promote"), new RegExp(`${String(two)} is the current one now`));
    assert.match(await fine("rollback"), new RegExp(`${String(one)} is the current one again`));
    assert.match(await fine("rollback", "--to", String(two)), /is the current one again/);
    assert.match(await fine("withdraw"), /nothing was moved: there is no candidate/);
    const told = await json("rollback");
    assert.deepEqual([told["move"], told["current"], told["serial"]], ["rolled-back", one, 6]);
  });

  it("ask back, and move nothing without a yes", async () => {
    await publish("--promote");
    write("files/etc/motd", "good evening\n");
    await publish("--promote");
    const stored = account().contents();
    const to = "3f6c".repeat(16);
    const asked: string[] = [];
    const confirm = (question: string) => {
      asked.push(question);
      return Promise.resolve(false);
    };
    for (const args of [
      ["rollback"],
      ["rollback", "--to", to],
      ["promote"],
      ["promote", "--to", to],
    ]) {
      const { code, error } = await drover([...args, "--pool", "workers"], { confirm });
      assert.deepEqual([code, error], [1, "drover: nothing was moved\n"]);
    }
    assert.deepEqual(
      asked.map((question) => /would take (.*?)\. Go on\?$/.exec(question)?.[1]),
      ["the bundle before the current one", to, "the candidate", to],
    );
    assert.deepEqual(account().contents(), stored);
  });
});

describe("what a person can do something about", () => {
  const cases: readonly (readonly [string, readonly string[], number, RegExp])[] = [
    ["a pool", ["bundles", "--pool", "a b"], 2, /--pool a b: it has to be/],
    ["a cluster", ["bundles", "--pool", "workers", "--cluster", "A"], 2, /--cluster A: it has/],
    ["a digest", ["rollback", "--pool", "workers", "--to", "abc"], 2, /--to abc: it has to be/],
    ["a bundle", ["diff", ".", "--pool", "workers", "--against", "x"], 2, /--against x: it has/],
    ["a folder", ["diff", "/nowhere", "--pool", "workers"], 2, /\/nowhere is no folder/],
    [
      "a store that is not there",
      ["bundles", "--pool", "workers", "--cluster", "eu"],
      2,
      /there is no parameter \/drover\/eu\/bundles in eu-west-1: deploy a bundle store/,
    ],
    ["nothing to roll back to", ["rollback", "--pool", "workers"], 1, /nothing was ever published/],
  ];
  for (const [name, args, code, said] of cases) {
    it(`is told so: ${name}`, async () => {
      const answer = await drover(args);
      assert.equal(answer.code, code);
      assert.match(answer.error, said);
      assert.equal(answer.error.trimEnd().split("\n").length, 1);
      assert.equal(answer.out, "");
    });
  }

  it("is told so: a channel that nobody signed", async () => {
    await publish("--promote");
    account().s3.put(bucket, channelKey("workers"), "drover-channel 1\n");
    const { code, error } = await drover(["bundles", "--pool", "workers"]);
    assert.equal(code, 1);
    assert.match(error, /channels\/workers is no channel/);
  });

  it("is told so: credentials that do not reach", async () => {
    const denied = {
      intercept: () =>
        new Response(
          "<Error><Code>AccessDenied</Code><Message>ada is not authorized to perform s3:PutObject</Message></Error>",
          { status: 403, headers: { "content-type": "application/xml" } },
        ),
    };
    const through = account().handler();
    const refused = account().handler(denied);
    const { code, error } = await drover(["publish", source(), "--pool", "workers"], {
      awsHandler: {
        ...through,
        handle: (request, options) =>
          (request.method === "PUT" ? refused : through).handle(request, options),
      },
    });
    assert.equal(code, 2);
    assert.match(error, /ada is not authorized to perform s3:PutObject; needed are .*kms:Sign/);
  });
});

describe("the example", () => {
  it("is published as it is in the repository", async () => {
    cpSync(join(import.meta.dirname, "..", "..", "examples", "pool"), source(), {
      recursive: true,
      force: true,
    });
    const { bundle } = await publish();
    assert.equal(account().channel()?.candidate, bundle);
  });
});
