import { createHash } from "node:crypto";
import { Writable } from "node:stream";
import { FormatError, textOf } from "./lines.ts";
import type { Manifest } from "./manifest.ts";
import { parsePlan, type Plan } from "./plan.ts";
import {
  blockSize,
  compareEntries,
  decodeHeader,
  nameOf,
  paddingOf,
  type TarEntry,
} from "./tar.ts";

/** What the tar of a bundle says of itself. */
export interface ScannedTar {
  readonly manifest: Manifest;
  readonly plan: Plan;
}

/** A stream that takes a tar, and can be asked when all of it was taken. */
export interface TarScan extends Writable {
  /** @throws FormatError if it is none that a publisher writes */
  result(): ScannedTar;
}

/** Bytes; that of a bundle with ten thousand watched paths is below one. */
const largestPlan = 16 * 1024 * 1024;

class Scan extends Writable implements TarScan {
  readonly #hash = createHash("sha256");
  readonly #header = Buffer.alloc(blockSize);
  readonly #plan: Buffer[] = [];
  #bytes = 0;
  #entries = 0;
  #last: TarEntry | undefined;
  #filled = 0;
  /** Blocks at its end. */
  #zeros = 0;
  /** Of the content of an entry and the zeros after it. */
  #left = 0;
  /** Of the plan's content, while that is read. */
  #planLeft = 0;

  override _write(piece: Buffer, _: BufferEncoding, done: (error?: Error) => void): void {
    this.#hash.update(piece);
    this.#bytes += piece.length;
    try {
      for (let rest = piece; rest.length > 0;) rest = this.#take(rest);
      done();
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** @returns what is left of the piece */
  #take(piece: Buffer): Buffer {
    if (this.#left > 0) {
      const taken = Math.min(this.#left, piece.length);
      this.#left -= taken;
      const content = piece.subarray(0, Math.min(taken, this.#planLeft));
      this.#planLeft -= content.length;
      if (content.length > 0) this.#plan.push(Buffer.from(content));
      return piece.subarray(taken);
    }
    const taken = piece.copy(this.#header, this.#filled);
    this.#filled += taken;
    if (this.#filled === blockSize) this.#begin();
    return piece.subarray(taken);
  }

  #begin(): void {
    this.#filled = 0;
    const isZero = this.#header.every((byte) => byte === 0);
    if (isZero) this.#zeros += 1;
    if (this.#zeros > 2 || (this.#zeros > 0 && !isZero))
      throw new FormatError("the archive goes on after its two blocks of zeros");
    if (isZero) return;
    const entry = decodeHeader(this.#header);
    // One path twice would be one thing here, and another on a machine.
    if (this.#last && compareEntries(this.#last, entry) >= 0)
      throw new FormatError(`the archive has no order: ${nameOf(entry)} is not in its place`);
    this.#last = entry;
    const { path, size = 0 } = entry;
    this.#entries += 1;
    this.#left = size + paddingOf(size);
    if (path !== "plan") return;
    if (size > largestPlan) throw new FormatError(`its plan has more than ${largestPlan} bytes`);
    this.#planLeft = size;
  }

  result(): ScannedTar {
    if (this.#filled > 0 || this.#zeros < 2)
      throw new FormatError("the archive ends without its two blocks of zeros");
    const plan = parsePlan(textOf(Buffer.concat(this.#plan)));
    const sha256 = this.#hash.digest("hex");
    const manifest = { pool: plan.pool, sha256, bytes: this.#bytes, entries: this.#entries };
    return { manifest, plan };
  }
}

/** Looks through a tar as it comes, in constant memory. */
export const scanTar = (): TarScan => new Scan();
