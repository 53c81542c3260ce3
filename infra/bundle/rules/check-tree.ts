import { isSpeakable } from "../../../lambdas/config/lines.ts";
import { fitsHeader, type TarEntry } from "../../../lambdas/config/tar.ts";
import type { Fault } from "./faults.ts";

/** What may be in a bundle at most. */
export const limits = { entries: 50_000, bytes: 512 * 1024 * 1024 } as const;

/** Paths of the machine that are Drover's own, or that no bundle can lay a file into. */
const reserved = ["/dev", "/proc", "/sys", "/run", "/tmp", "/etc/drover", "/usr/lib/drover"];
const reservedToo = ["/var/lib/drover", "/etc/init.d/drover"];

export const isReserved = (path: string): boolean =>
  [...reserved, ...reservedToo].some((each) => path === each || path.startsWith(`${each}/`));

/** The path on the machine of an entry below `files/`. */
export const machinePath = (path: string): string => path.slice("files".length);

/**
 * Where a link leads, followed through the links of the tree.
 *
 * @returns undefined if it leads out of the tree, or nowhere but to itself
 */
const follow = (
  link: string,
  target: string,
  links: ReadonlyMap<string, string>,
): string | undefined => {
  let todo = [...link.split("/").slice(0, -1), ...target.split("/")];
  const reached: string[] = [];
  for (let jumps = 0; todo.length > 0;) {
    const [part = "", ...others] = todo;
    todo = others;
    if (part === "" || part === ".") continue;
    if (part === "..") {
      reached.pop();
      // `files` itself is the root: above it nothing is the bundle's.
      if (reached.length === 0) return undefined;
      continue;
    }
    reached.push(part);
    const next = links.get(reached.join("/"));
    if (next === undefined) continue;
    jumps += 1;
    if (jumps > 40 || next.startsWith("/")) return undefined;
    reached.pop();
    todo = [...next.split("/"), ...todo];
  }
  return reached[0] === "files" ? reached.join("/") : undefined;
};

const checkLink = (
  { path, target = "" }: TarEntry,
  links: ReadonlyMap<string, string>,
): string | undefined => {
  if (!isSpeakable(target)) return "its target has control characters, backslashes or is empty";
  if (target.startsWith("/"))
    return `it leads to ${target}, which is absolute: give a path relative to the link, inside files/`;
  return follow(path, target, links) === undefined
    ? `it leads to ${target}, out of files/ or in a circle: let it lead to a path inside files/`
    : undefined;
};

/** Tells what is wrong with the names and links of a tree. */
export const checkTree = (entries: readonly TarEntry[]): Fault[] => {
  const faults: Fault[] = [];
  const add = (file: string, message: string): void => void faults.push({ file, message });
  const links = new Map(
    entries.flatMap(({ path, target }) => (target === undefined ? [] : [[path, target]])),
  );
  const known = new Map<string, string>();
  for (const entry of entries) {
    const { path } = entry;
    const folded = path.normalize("NFC").toLowerCase();
    const twin = known.get(folded);
    if (twin !== undefined)
      add(path, `its name differs from ${twin} in case or accents only: rename one of them`);
    known.set(folded, path);
    if (!isSpeakable(path) || path.split("/").some((part) => !isSpeakable(part)))
      add(path, "its name has control characters, backslashes, spaces at an end, or is no UTF-8");
    else if (`${path} ${entry.target ?? ""}`.includes(" -> "))
      add(
        path,
        'it has " -> " in its name, which a listing has before the target of a link: rename it',
      );
    else if (!fitsHeader(entry))
      add(
        path,
        "its path is too long for an archive: at most 100 bytes, or 155 and 100 around a slash",
      );
    if (path.startsWith("files/") && isReserved(machinePath(path)))
      add(path, "this place on a machine is Drover's own or does not last: lay the file elsewhere");
    if (entry.kind === "link") {
      const message = checkLink(entry, links);
      if (message !== undefined) add(path, message);
    }
  }
  if (entries.length > limits.entries)
    add("files", `it has ${entries.length} entries: at most ${limits.entries} are possible`);
  const bytes = entries.reduce((sum, { size = 0 }) => sum + size, 0);
  if (bytes > limits.bytes)
    add(
      "files",
      `it has ${bytes} bytes: at most ${limits.bytes} are possible; large binaries are pinned in bundle.yaml instead`,
    );
  return faults;
};
