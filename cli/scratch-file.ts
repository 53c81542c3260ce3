import { randomUUID } from "node:crypto";
import { closeSync, openSync, read, unlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { CannotFinish } from "./output.ts";

/** A file without a name, which is gone with the process, however that ends. */
export interface ScratchFile {
  /** Adds to its end. */
  write(bytes: Uint8Array): void;
  /** All of it, from its beginning. */
  open(): Readable;
  close(): void;
}

const pieceSize = 256 * 1024;

const readAt = promisify(read);

/**
 * What it pipes is in one buffer, which is filled again when its bytes are on their way: streams
 * of `node:fs` take a new one for each piece, and a large file leaves much to collect.
 */
class FileStream extends Readable {
  readonly #descriptor: number;
  #position = 0;

  constructor(descriptor: number) {
    super({ highWaterMark: pieceSize });
    this.#descriptor = descriptor;
  }

  async #next(piece: Buffer): Promise<Buffer | null> {
    const { bytesRead } = await readAt(this.#descriptor, piece, 0, piece.length, this.#position);
    this.#position += bytesRead;
    return bytesRead > 0 ? piece.subarray(0, bytesRead) : null;
  }

  override _read(): void {
    this.#next(Buffer.allocUnsafe(pieceSize)).then(
      (piece) => this.push(piece),
      (error: Error) => this.destroy(error),
    );
  }

  override pipe<Target extends NodeJS.WritableStream>(target: Target): Target {
    const piece = Buffer.allocUnsafe(pieceSize);
    const write = (filled: Buffer) =>
      new Promise<boolean>((resolve) => target.write(filled, (error) => resolve(!error)));
    const send = async (): Promise<void> => {
      for (;;) {
        const filled = await this.#next(piece);
        if (filled === null) return void target.end();
        // Why a request has ended, it says itself.
        if (!(await write(filled))) return;
      }
    };
    send().catch((error: unknown) => {
      if ("destroy" in target && typeof target.destroy === "function") target.destroy(error);
    });
    return target;
  }
}

/**
 * Makes a file in the folder for temporary files. It has a name for a moment only, which says
 * whose it is.
 *
 * @throws CannotFinish if there is no room in that folder, or it cannot be written to
 */
export const openScratchFile = (): ScratchFile => {
  const folder = tmpdir();
  const explain = (error: unknown): CannotFinish => {
    const message = error instanceof Error ? error.message : String(error);
    return new CannotFinish(
      `the archive cannot be kept in ${folder} (${message}): make room there, or set TMPDIR to another folder`,
    );
  };
  const attempt = <Result>(work: () => Result): Result => {
    try {
      return work();
    } catch (error) {
      throw explain(error);
    }
  };
  const name = join(folder, `drover-publish-${randomUUID()}`);
  const descriptor = attempt(() => openSync(name, "wx+", 0o600));
  unlinkSync(name);
  return {
    write: (bytes) => {
      for (let written = 0; written < bytes.length;)
        written += attempt(() => writeSync(descriptor, bytes, written));
    },
    open: () => new FileStream(descriptor),
    close: () => closeSync(descriptor),
  };
};
