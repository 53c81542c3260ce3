import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { CannotFinish } from "../../cli/output.ts";
import { withScratchFolder } from "../../cli/scratch-folder.ts";

describe("a folder for temporary files", () => {
  it("is there for the work, and gone afterwards", async () => {
    const folder = await withScratchFolder((given) => {
      writeFileSync(join(given, "file"), "x");
      return Promise.resolve(given);
    });
    assert.equal(existsSync(folder), false);
  });

  it("is gone when the work fails, and the reason is what it was", async () => {
    let folder = "";
    const reason = new Error("no");
    await assert.rejects(
      withScratchFolder((given) => {
        folder = given;
        return Promise.reject(reason);
      }),
      reason,
    );
    assert.equal(existsSync(folder), false);
  });

  it("may be full", async () => {
    await assert.rejects(
      withScratchFolder(() => writeFile("/dev/full", "x")),
      (error) => error instanceof CannotFinish && /ENOSPC.*: make room there/.test(error.message),
    );
  });
});
