import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";

import { cacheFolder } from "../../../rehearsal/package-root.ts";

/** local-kms is not here and could not be built; the message says what to do about it. */
export class LocalKmsError extends Error {
  override readonly name = "LocalKmsError";
}

/** Other sources or dependencies, another place. */
const findPlace = async (): Promise<string> => {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch}\n`);
  for (const file of ["go.mod", "go.sum", "main.go"])
    hash.update(await readFile(join(import.meta.dirname, file)));
  return join(cacheFolder, "local-kms", hash.digest("hex").slice(0, 16), "local-kms");
};

const runGo = async (output: string): Promise<void> => {
  const go = spawn("go", ["build", "-trimpath", "-ldflags", "-s -w", "-o", output, "."], {
    cwd: import.meta.dirname,
    // The committed go.mod and go.sum say everything: a build that would change them must fail.
    env: { ...process.env, GOFLAGS: "-mod=readonly -buildvcs=false", CGO_ENABLED: "0" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said = text(go.stderr);
  try {
    const [code] = (await once(go, "close")) as [number | null];
    if (code !== 0)
      throw new LocalKmsError(`building local-kms failed (go build: ${code}): ${await said}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new LocalKmsError("local-kms cannot be built without Go: install Go 1.24 or later", {
      cause: error,
    });
  }
};

/**
 * Builds local-kms, a public emulator of AWS KMS (MIT), or finds it built before.
 *
 * @returns the path of the executable
 * @throws LocalKmsError
 */
export const buildLocalKms = async (
  report: (line: string) => void = () => undefined,
): Promise<string> => {
  const place = await findPlace();
  if (existsSync(place)) return place;
  report("building local-kms from source");
  await mkdir(dirname(place), { recursive: true });
  // Under a name of its own until it is whole, as several tests may build it at once.
  const unfinished = `${place}.${process.pid}`;
  try {
    await runGo(unfinished);
    await rename(unfinished, place);
  } finally {
    await rm(unfinished, { force: true });
  }
  return place;
};
