import { lstatSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { compareEntries, type TarEntry } from "../../lambdas/config/tar.ts";
import type { Fault } from "./rules/faults.ts";

export interface Tree {
  /** As they will be in the tar. */
  readonly entries: readonly TarEntry[];
  readonly faults: readonly Fault[];
}

/** Reads the names below some folders of a source; what is no file, folder or link is a fault. */
export const readTree = (source: string, folders: readonly string[]): Tree => {
  const entries: TarEntry[] = [];
  const faults: Fault[] = [];
  const visit = (path: string): void => {
    const file = join(source, path);
    const facts = lstatSync(file);
    if (facts.isDirectory()) {
      entries.push({ path, kind: "folder" });
      for (const name of readdirSync(file, { encoding: "buffer" })) {
        const text = name.toString("utf8");
        // A name that is no UTF-8 cannot be opened by its text.
        if (Buffer.from(text).equals(name)) visit(`${path}/${text}`);
        else faults.push({ file: `${path}/${text}`, message: "its name is no UTF-8: rename it" });
      }
    } else if (facts.isSymbolicLink()) {
      entries.push({ path, kind: "link", target: readlinkSync(file) });
    } else if (facts.isFile()) {
      if ((facts.mode & 0o7000) !== 0)
        faults.push({
          file: path,
          message: "it is set-uid, set-gid or sticky: take that away with chmod 0755",
        });
      entries.push({
        path,
        kind: "file",
        executable: (facts.mode & 0o100) !== 0,
        size: facts.size,
      });
    } else {
      faults.push({
        file: path,
        message: "it is a device, pipe or socket: only files, folders and links can be published",
      });
    }
  };
  for (const folder of folders) {
    if (lstatSync(join(source, folder), { throwIfNoEntry: false })) visit(folder);
  }
  return { entries: entries.sort(compareEntries), faults };
};
