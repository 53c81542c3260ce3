import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { runCommand, runSome } from "./commands.ts";
import { addUp, countSkippedAsFailed, type Outcome } from "./outcome.ts";
import { selectParts } from "./parts.ts";
import { runFile } from "./run-file.ts";

describe("runFile", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "drover-runner-"));
  });
  after(() => rm(folder, { recursive: true }));

  const run = async (text: string, limitSeconds = 60): Promise<Outcome> => {
    const file = join(folder, "some.test.mjs");
    await writeFile(file, `import { before, describe, it } from "node:test";\n${text}`);
    return runFile(file, limitSeconds);
  };
  const namesOf = ({ failures }: Outcome) =>
    failures.map(({ where }) => where.split(" › ").slice(1).join(" › "));

  it("counts tests, not the suites around them", async () => {
    const outcome = await run(`
      it("one", () => {});
      describe("outer", () => { describe("inner", () => { it("two", () => {}); }); });`);
    assert.deepEqual(outcome, { passed: 2, failures: [], skipped: [] });
  });

  it("names a failed test by all its suites, with the error, its cause and what was written", async () => {
    const outcome = await run(`
      describe("outer", () => {
        describe("inner", () => {
          it("fails", () => {
            console.log("a trace of it");
            throw new Error("broken", { cause: new Error("deep down") });
          });
          it("passes", () => {});
        });
      });`);
    assert.equal(outcome.passed, 1);
    assert.deepEqual(namesOf(outcome), ["outer › inner › fails"]);
    assert.match(outcome.failures[0]?.details ?? "", /broken[^]*deep down[^]*a trace of it/);
  });

  it("takes a failed hook for a failure", async () => {
    const outcome = await run(`
      describe("suite", () => {
        before(() => { throw new Error("no ground to stand on"); });
        it("never runs", () => {});
      });`);
    assert.equal(outcome.passed, 0);
    assert.ok(outcome.failures.some(({ details }) => details.includes("no ground to stand on")));
  });

  it("tells what did not run, and why", async () => {
    const { passed, failures, skipped } = await run(`
      it("asks for more", { skip: "not on this machine" }, () => {});
      it.todo("is to come");`);
    assert.deepEqual([passed, failures.length], [0, 0]);
    assert.deepEqual(
      skipped.map(({ reason }) => reason),
      ["not on this machine", "without a reason"],
    );
  });

  it("fails a file that dies, ends badly, or holds no test", async () => {
    for (const [text, why] of [
      [`throw new Error("at the door");`, /ended with 1[^]*at the door/],
      [`it("passes", () => {}); process.on("exit", () => { process.exitCode = 3; });`, /with 3/],
      ["", /holds no test/],
    ] as const) {
      const { failures } = await run(text);
      assert.equal(failures.length, 1, text);
      assert.match(failures[0]?.details ?? "", why);
    }
  });

  it("ends a file that does not end, and keeps what its tests had shown", async () => {
    const { passed, failures } = await run(
      `it("passes", () => { setInterval(() => {}, 1000); });`,
      2,
    );
    assert.equal(passed, 1);
    assert.match(failures[0]?.details ?? "", /still running after 2 s/);
  });
});

describe("runCommand", () => {
  it("ends what a command leaves behind in its group", async () => {
    // The pipe is held open by the child: it would not close for a minute.
    const { code, output, timedOut } = await runCommand("sh", ["-c", "sleep 60 & echo started"], {
      limitSeconds: 30,
    });
    assert.deepEqual({ code, output, timedOut }, { code: 0, output: "started\n", timedOut: false });
  });

  it("tells a command that cannot be started", async () => {
    await assert.rejects(runCommand("/nowhere/at/all", [], { limitSeconds: 5 }), /ENOENT/);
  });
});

describe("runSome", () => {
  it("runs so many at once and no more, and keeps their order", async () => {
    let running = 0;
    let most = 0;
    const doubled = await runSome([5, 4, 3, 2, 1], 2, async (number) => {
      running += 1;
      most = Math.max(most, running);
      for (let turn = 0; turn < number; turn += 1) await Promise.resolve();
      running -= 1;
      return number * 2;
    });
    assert.deepEqual(doubled, [10, 8, 6, 4, 2]);
    assert.equal(most, 2);
  });
});

describe("countSkippedAsFailed", () => {
  it("leaves no test that did not run", () => {
    const skipped = [{ where: "live", reason: "no Go" }];
    const outcome = countSkippedAsFailed(addUp([{ passed: 2, failures: [], skipped }]));
    assert.deepEqual(outcome.skipped, []);
    assert.deepEqual(outcome.failures, [{ where: "live", details: "did not run: no Go" }]);
  });
});

describe("selectParts", () => {
  const filesOf = (wanted: readonly string[]) =>
    selectParts(wanted)
      .flat()
      .flatMap((part) => part.jobs().map(({ file }) => file));

  it("forgets no test file, and runs none twice", () => {
    const files = filesOf([]).filter((file) => file !== undefined);
    assert.equal(new Set(files).size, files.length);
    assert.ok(files.includes("test/tools/run.test.ts"));
    assert.ok(files.some((file) => file.startsWith("test/live/")));
  });

  it("takes a part's name, a folder or a file", () => {
    assert.deepEqual(filesOf(["lint"]), [undefined, undefined]);
    assert.deepEqual(filesOf(["./test/tools/"]), ["test/tools/run.test.ts"]);
    assert.deepEqual(
      selectParts(["types", "test/tools/run.test.ts"])
        .flat()
        .map(({ name }) => name),
      ["types", "unit"],
    );
  });

  it("refuses what is nothing of these", () => {
    assert.throws(() => selectParts(["test/nowhere"]), {
      name: "UnknownPart",
      message: /test\/nowhere is neither a part \(lint, .*live\) nor/,
    });
  });
});
