import { Writable } from "node:stream";
import { FormatError } from "./lines.ts";
import {
  blockSize,
  compareEntries,
  decodeHeader,
  nameOf,
  paddingOf,
  type TarEntry,
} from "./tar.ts";

/** Is told what is in a tar. What it throws ends the reading. */
export interface TarVisitor {
  /** Each piece of the tar as it comes, before what is in it. */
  piece?(piece: Buffer): void;
  /** @param offset - where its content begins, in bytes from the beginning of the tar */
  entry(entry: TarEntry, offset: number): void;
  /** Of the last entry; the bytes belong to the stream, and may change afterwards. */
  content?(piece: Buffer): void;
}

class TarReader extends Writable {
  readonly #visitor: TarVisitor;
  readonly #header = Buffer.alloc(blockSize);
  #filled = 0;
  #offset = 0;
  #last: TarEntry | undefined;
  /** Blocks of zeros at its end. */
  #zeros = 0;
  /** Bytes of the content of an entry that are still to come, and of the zeros after it. */
  #content = 0;
  #padding = 0;

  constructor(visitor: TarVisitor) {
    super();
    this.#visitor = visitor;
  }

  override _write(piece: Buffer, _: BufferEncoding, done: (error?: Error) => void): void {
    try {
      this.#visitor.piece?.(piece);
      for (let rest = piece; rest.length > 0;) {
        const taken = this.#take(rest);
        this.#offset += taken;
        rest = rest.subarray(taken);
      }
      done();
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  }

  override _final(done: (error?: Error) => void): void {
    if (this.#content > 0) done(new FormatError("the archive ends in the middle of a file"));
    else if (this.#zeros < 2 || this.#filled > 0)
      done(new FormatError("the archive ends without its two blocks of zeros"));
    else done();
  }

  /** @returns how many bytes of the piece were taken */
  #take(piece: Buffer): number {
    if (this.#content > 0) {
      const content = piece.subarray(0, this.#content);
      this.#visitor.content?.(content);
      this.#content -= content.length;
      return content.length;
    }
    if (this.#padding > 0) {
      const taken = Math.min(this.#padding, piece.length);
      this.#padding -= taken;
      return taken;
    }
    const taken = piece.copy(this.#header, this.#filled);
    this.#filled += taken;
    if (this.#filled === blockSize) this.#begin(this.#offset + taken);
    return taken;
  }

  #begin(offset: number): void {
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
    this.#content = entry.size ?? 0;
    this.#padding = paddingOf(this.#content);
    this.#visitor.entry(entry, offset);
  }
}

/**
 * Reads a tar as it comes, in constant memory.
 *
 * @returns a stream that takes the tar, and fails with a FormatError if it is none that a
 *   publisher writes
 */
export const readTar = (visitor: TarVisitor): Writable => new TarReader(visitor);
