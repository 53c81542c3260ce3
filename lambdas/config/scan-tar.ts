import { createHash } from "node:crypto";
import type { Writable } from "node:stream";
import { FormatError, textOf } from "./lines.ts";
import type { Manifest } from "./manifest.ts";
import { parsePlan, type Plan } from "./plan.ts";
import { readTar } from "./tar-reader.ts";

/** What the tar of a bundle says of itself. */
export interface ScannedTar {
  readonly manifest: Manifest;
  readonly plan: Plan;
}

export interface TarScan {
  /** Takes the tar; fails with a FormatError if it is none that a publisher writes. */
  readonly target: Writable;
  /**
   * When all of it was taken.
   *
   * @throws FormatError if its plan is none
   */
  readonly result: () => ScannedTar;
}

/** Bytes; that of a bundle with ten thousand watched paths is below one. */
const largestPlan = 16 * 1024 * 1024;

/** Looks through a tar as it comes, in constant memory. */
export const scanTar = (): TarScan => {
  const hash = createHash("sha256");
  const plan: Buffer[] = [];
  let bytes = 0;
  let entries = 0;
  let isPlan = false;
  const target = readTar({
    piece(piece) {
      hash.update(piece);
      bytes += piece.length;
    },
    entry({ path, size = 0 }) {
      entries += 1;
      isPlan = path === "plan";
      if (isPlan && size > largestPlan)
        throw new FormatError(`its plan has more than ${largestPlan} bytes`);
    },
    content(piece) {
      if (isPlan) plan.push(Buffer.from(piece));
    },
  });
  const result = (): ScannedTar => {
    const parsed = parsePlan(textOf(Buffer.concat(plan)));
    const sha256 = hash.digest("hex");
    return { manifest: { pool: parsed.pool, sha256, bytes, entries }, plan: parsed };
  };
  return { target, result };
};
