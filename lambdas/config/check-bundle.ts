import * as v from "valibot";
import type { Surroundings } from "../runtime/surroundings.ts";
import { task, wired } from "../runtime/task.ts";
import { checkStored } from "./check-stored.ts";
import { chooseTarget } from "./publish-bundle.ts";
import { connectDesk, refusing } from "./publishing.ts";
import { readArchive } from "./read-archive.ts";

const input = v.object({
  order: v.object({
    action: v.picklist(["publish", "promote", "rollback"]),
    pool: v.string(),
    bundle: v.optional(v.string()),
  }),
});

/**
 * Checks the bundle to which a channel is to be moved as a machine would: its signature, and
 * the archive to its last byte. A console moves only what a publisher has signed.
 */
export const createHandler = (surroundings: Surroundings) => {
  const desk = connectDesk(surroundings);
  return task(surroundings, input, ({ order: { action, pool, bundle } }) =>
    refusing(async () => {
      const sha256 = await chooseTarget(desk, pool, action, bundle);
      const manifest = await checkStored(desk, pool, sha256);
      await readArchive(desk, pool, manifest);
      return { sha256, bytes: manifest.bytes };
    }),
  );
};

export const handler = wired(createHandler);
