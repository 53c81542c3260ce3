import { matchesGlob } from "node:path";
import type { Architecture, Ownership, Plan, Watch } from "../../../lambdas/config/plan.ts";
import type { TarEntry } from "../../../lambdas/config/tar.ts";
import { isReserved, machinePath } from "./check-tree.ts";
import type { Fault } from "./faults.ts";
import { secretFolder } from "./placeholders.ts";
import type { ReadDescription } from "./read-description.ts";
import { type Description, descriptionFile } from "./source-schema.ts";

type Arch = { readonly [A in Architecture]: RegExp };

/** Names that say for which processor a binary was made. */
const tells: Arch = { amd64: /amd64|x86[_-]64/i, arm64: /arm64|aarch64/i };

const defaultMode = ({ kind, executable }: TarEntry): string =>
  kind === "folder" || executable ? "0755" : "0644";

const isExecutable = (mode: string): boolean => (Number.parseInt(mode, 8) & 0o100) !== 0;

/**
 * The value that comes last wins: a later entry of `files` is the more special
 * one. The mode of a glob is that of files: folders have theirs by their path.
 */
const ownerships = (
  description: Description,
  entries: readonly TarEntry[],
): { readonly owned: Plan["owned"]; readonly unused: readonly number[] } => {
  const used = new Set<number>();
  const owned = entries.flatMap((entry): Plan["owned"] => {
    if (!entry.path.startsWith("files/") || entry.kind === "link") return [];
    const path = machinePath(entry.path);
    let given: Partial<Ownership> = {};
    description.files.forEach(({ path: glob, owner, mode }, index) => {
      if (!matchesGlob(path, glob)) return;
      used.add(index);
      given = {
        ...given,
        ...(owner !== undefined && { owner }),
        ...(mode !== undefined && (entry.kind === "file" || glob === path) && { mode }),
      };
    });
    if (given.owner === undefined && given.mode === undefined) return [];
    return [{ owner: given.owner ?? "root:root", mode: given.mode ?? defaultMode(entry), path }];
  });
  return {
    owned,
    unused: description.files.flatMap((_, index) => (used.has(index) ? [] : [index])),
  };
};

/** What is meant by a path of `files` that matches nothing in there. */
const whyUnused = (path: string, { binaries }: Description): string => {
  if (binaries.some((binary) => binary.path === path))
    return `${path} is a binary: take its owner and mode from files, and give the mode in binaries`;
  return path.startsWith(`${secretFolder}/`)
    ? `${path} is a secret: take it from files, and give its owner and mode in secrets`
    : `${path} matches nothing in files/: correct the path`;
};

/** Why a watch matches nothing. */
const whyUnwatched = (glob: string): string => {
  const secret = glob.startsWith(`${secretFolder}/`) && glob.slice(secretFolder.length + 1);
  return secret
    ? `there is no secret ${secret}: name it under secrets, or correct the path`
    : `${glob} matches no file of the bundle, and only these can be watched: correct the path, or add the file`;
};

export interface MadePlan {
  readonly plan: Plan;
  readonly faults: readonly Fault[];
}

/**
 * Brings the description and the tree together, and tells where they do not fit.
 *
 * @param rendered - paths in the tar of the files with placeholders
 */
export const makePlan = (
  pool: string,
  { description, incomplete, lineOf }: ReadDescription,
  entries: readonly TarEntry[],
  rendered: readonly string[],
): MadePlan => {
  const faults: Fault[] = [];
  const add = (path: readonly (string | number)[], message: string): void =>
    void faults.push({ file: descriptionFile, line: lineOf(path), message });
  const inTree = new Map(entries.map((entry) => [entry.path, entry]));
  const { owned, unused } = ownerships(description, entries);
  // Without files/ itself, which is told, nothing in there can be found.
  const hasFiles = inTree.has("files");
  for (const index of hasFiles ? unused : []) {
    const path = description.files[index]?.path ?? "";
    add(["files", index, "path"], whyUnused(path, description));
  }
  const twice = (list: readonly string[], at: string, key: string): void => {
    list.forEach((each, index) => {
      if (list.indexOf(each) !== index) add([at, index, key], `${each} is there twice: leave one`);
    });
  };
  twice(
    description.binaries.map(({ path }) => path),
    "binaries",
    "path",
  );
  twice(
    description.secrets.map(({ name }) => name),
    "secrets",
    "name",
  );
  twice(
    description.services.map(({ name }) => name),
    "services",
    "name",
  );

  const binaries = description.binaries.flatMap((binary, index): Plan["binaries"] => {
    const { path, mode } = binary;
    if (inTree.has(`files${path}`))
      add(["binaries", index, "path"], `${path} is in files/ as well: leave one of them`);
    if (isReserved(path))
      add(
        ["binaries", index, "path"],
        `${path} is Drover's own or does not last: lay it elsewhere`,
      );
    return description.architectures.flatMap((arch): Plan["binaries"] => {
      const artifact = binary[arch];
      if (!artifact) {
        add(
          ["binaries", index],
          `${path} has no ${arch}, for which the bundle is: add source and sha256 of one`,
        );
        return [];
      }
      const { source, sha256, bytes } = artifact;
      for (const [other, pattern] of Object.entries(tells)) {
        if (other !== arch && pattern.test(source) && !tells[arch].test(source))
          add(
            ["binaries", index, arch, "source"],
            `${source} is a binary for ${other}, and this one has to be for ${arch}`,
          );
      }
      if (/\.(?:zip|tar|gz|tgz|xz|bz2|zst)$/.test(source))
        add(["binaries", index, arch, "source"], `${source} is an archive: give the binary itself`);
      const from = source === "bucket" ? `binaries/${sha256}` : source;
      return [{ arch, sha256, bytes, source: from, mode, path }];
    });
  });

  const watchable = [
    ...entries
      .filter(({ kind }) => kind !== "folder")
      .map(({ path }) => path)
      .filter((path) => path.startsWith("files/"))
      .map(machinePath),
    ...description.binaries.map(({ path }) => path),
    ...description.secrets.map(({ name }) => `${secretFolder}/${name}`),
  ];
  const modes = new Map(owned.map(({ path, mode }) => [path, mode]));
  description.services.forEach(({ name }, index) => {
    const path = `/etc/init.d/${name}`;
    const entry = inTree.get(`files${path}`);
    if (entry?.kind !== "file" || isExecutable(modes.get(path) ?? defaultMode(entry))) return;
    const message = `${path} is not executable, and OpenRC would not start it: chmod +x files${path}`;
    add(["services", index, "name"], message);
  });
  const watches = description.services.flatMap(({ name, watch }, index) =>
    watch.flatMap((glob, place): Watch[] => {
      const found = watchable.filter((path) => matchesGlob(path, glob));
      const isPerhapsThere =
        !hasFiles ||
        incomplete.has("binaries") ||
        (incomplete.has("secrets") && glob.startsWith(secretFolder));
      if (found.length === 0 && !isPerhapsThere)
        add(["services", index, "watch", place], whyUnwatched(glob));
      return found.map((path) => ({ service: name, path }));
    }),
  );
  const hooks = (Object.keys(description.hooks) as (keyof Description["hooks"])[]).flatMap(
    (moment) =>
      description.hooks[moment].map((path, index) => {
        if (inTree.get(path)?.kind !== "file")
          add(
            ["hooks", moment, index],
            `there is no file ${path}: add it, or take it from the list`,
          );
        return { moment, path };
      }),
  );
  const named = new Set(hooks.map(({ path }) => path));
  for (const { path, kind } of entries) {
    if (!path.startsWith("hooks/")) continue;
    if (kind !== "file")
      faults.push({ file: path, message: "a hook has to be a file: replace it" });
    else if (!named.has(path) && !incomplete.has("hooks"))
      faults.push({
        file: path,
        message: `${descriptionFile} names no such hook: name it there, or delete the file`,
      });
  }
  return {
    faults,
    plan: {
      pool,
      architectures: description.architectures,
      owned,
      rendered: rendered.map(machinePath),
      binaries,
      checks: description.binaries.flatMap(({ path, check }) =>
        check ? [{ path, args: check }] : [],
      ),
      secrets: description.secrets.map(({ name, from, id, owner, mode }) => ({
        store: from,
        id,
        owner,
        mode,
        path: `${secretFolder}/${name}`,
      })),
      services: description.services.map((service) => ({
        name: service.name,
        runlevel: service.runlevel,
        onChange: service["on-change"],
      })),
      watches: watches.filter(
        (one, index) =>
          watches.findIndex(({ service, path }) => service === one.service && path === one.path) ===
          index,
      ),
      hooks,
    },
  };
};
