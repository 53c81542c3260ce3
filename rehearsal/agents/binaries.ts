import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { access, mkdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { cacheFolder } from "../package-root.ts";
import { type AgentName, findKernelHeaders, recipes, type Recipe, staticNomad } from "./recipes.ts";

/** The paths of the two executables. */
export type AgentBinaries = Readonly<Record<AgentName, string>>;

/** No executable was found and none could be built; the message says what to do about it. */
export class AgentBinaryError extends Error {
  override readonly name = "AgentBinaryError";
}

type Environment = NonNullable<AgentSearch["environment"]>;

const moduleFolder = (name: string): string => join(import.meta.dirname, name);

/** Where to look. */
export interface AgentSearch {
  /** @default that of this process */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Where builds are kept. @default `.cache/agents` in a clone, else the user's cache */
  readonly cache?: string;
}

const isExecutable = async (path: string): Promise<boolean> => {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

const findOnPath = async (
  command: string,
  environment: Environment,
): Promise<string | undefined> => {
  for (const folder of (environment["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, command);
    if (folder !== "" && (await isExecutable(path))) return path;
  }
  return undefined;
};

/** The place of a built executable: another recipe or other dependencies, another place. */
const findCachePath = async (recipe: Recipe, cache: string): Promise<string> => {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch}\n`);
  hash.update(JSON.stringify(recipe));
  for (const file of ["go.mod", "go.sum"]) {
    hash.update(await readFile(join(moduleFolder(recipe.name), file)));
  }
  return join(cache, hash.digest("hex").slice(0, 16), recipe.name);
};

/** The C compiler of a build: `CC` names another one for the system's, and none for musl's. */
const findCompiler = ({ compiler }: Recipe, environment: Environment): string | undefined =>
  compiler === "gcc" ? (environment["CC"] ?? compiler) : compiler;

const requireCompilers = async (recipe: Recipe, environment: Environment): Promise<void> => {
  const instead = `or set ${recipe.variable} to a ${recipe.name} executable, or put one on the PATH`;
  if ((await findOnPath("go", environment)) === undefined) {
    throw new AgentBinaryError(
      `${recipe.name} is not here and cannot be built, since there is no Go: install Go 1.24 or later, ${instead}`,
    );
  }
  const compiler = findCompiler(recipe, environment);
  if (compiler !== undefined && (await findOnPath(compiler, environment)) === undefined) {
    throw new AgentBinaryError(
      `${recipe.name} is not here and cannot be built without a C compiler: install gcc (or set CC), ${instead}`,
    );
  }
};

/** Gives musl's compiler the kernel's headers and no more: the rest is another C library's. */
const composeCFlags = async (folder: string): Promise<string> => {
  const include = join(folder, "include");
  await mkdir(include, { recursive: true });
  for (const [name, target] of Object.entries(findKernelHeaders() ?? {})) {
    const link = join(include, name);
    // Renamed, since another build may do the same.
    await symlink(target, `${link}.${process.pid}`);
    await rename(`${link}.${process.pid}`, link);
  }
  return `-O2 -g -isystem '${include}'`;
};

const composeEnvironment = async (
  recipe: Recipe,
  folder: string,
  environment: Environment,
): Promise<Environment> => {
  const compiler = findCompiler(recipe, environment);
  return {
    ...environment,
    // The committed go.mod and go.sum say everything: a build that would change them must fail.
    GOFLAGS: "-mod=readonly -buildvcs=false",
    CGO_ENABLED: compiler === undefined ? "0" : "1",
    ...(compiler === undefined ? {} : { CC: compiler }),
    ...(compiler === "musl-gcc" ? { CGO_CFLAGS: await composeCFlags(folder) } : {}),
  };
};

/** Runs `go build`, passing on what it says line by line. */
const runGo = async (
  recipe: Recipe,
  output: string,
  environment: Environment,
  report: (line: string) => void,
): Promise<void> => {
  const go = spawn(
    "go",
    [
      "build",
      "-trimpath",
      `-tags=${recipe.tags}`,
      `-ldflags=${recipe.ldflags}`,
      `-o=${output}`,
      recipe.package,
    ],
    { cwd: moduleFolder(recipe.name), env: environment, stdio: ["ignore", "ignore", "pipe"] },
  );
  const last: string[] = [];
  createInterface({ input: go.stderr }).on("line", (line) => {
    last.push(line);
    if (last.length > 20) last.shift();
    report(`${recipe.name}: ${line}`);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    go.once("error", reject);
    go.once("close", resolve);
  });
  if (code !== 0) {
    throw new AgentBinaryError(
      [`building ${recipe.name} failed (go build: ${code ?? "killed"})`, ...last].join("\n"),
    );
  }
};

const build = async (
  recipe: Recipe,
  path: string,
  environment: Environment,
  report: (line: string) => void,
): Promise<void> => {
  await requireCompilers(recipe, environment);
  report(`${recipe.name}: building it from source, which takes some minutes the first time`);
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  // Under a name of its own until it is whole: an interrupted build leaves nothing that looks
  // complete, and two builds at once do not write into one file.
  const unfinished = `${path}.${process.pid}`;
  try {
    await runGo(recipe, unfinished, await composeEnvironment(recipe, folder, environment), report);
    await rename(unfinished, path);
  } finally {
    await rm(unfinished, { force: true });
  }
  report(`${recipe.name}: built`);
};

const buildOnce = async (
  recipe: Recipe,
  search: Required<AgentSearch>,
  report: (line: string) => void,
): Promise<string> => {
  const path = await findCachePath(recipe, search.cache);
  if (!(await isExecutable(path))) await build(recipe, path, search.environment, report);
  return path;
};

const canBuildStatically = async (environment: Environment): Promise<boolean> =>
  findKernelHeaders() !== undefined && (await findOnPath("musl-gcc", environment)) !== undefined;

const findOrBuild = async (
  recipe: Recipe,
  search: Required<AgentSearch>,
  report: (line: string) => void,
): Promise<string> => {
  const { environment } = search;
  const named = environment[recipe.variable];
  if (named !== undefined && named !== "") {
    if (await isExecutable(named)) return named;
    throw new AgentBinaryError(`${recipe.variable} names ${named}, which is no executable file`);
  }
  return (await findOnPath(recipe.name, environment)) ?? buildOnce(recipe, search, report);
};

const completeSearch = (search: AgentSearch): Required<AgentSearch> => ({
  environment: search.environment ?? process.env,
  cache: search.cache ?? join(cacheFolder, "agents"),
});

/**
 * Finds the Nomad and Consul executables: what `NOMAD_BIN` and `CONSUL_BIN` name, else what is on
 * the `PATH`, else what was built before; else builds them (some minutes, once). Those that are
 * built are static where musl's compiler is here, so that a machine of a pool could run them.
 *
 * @param report - is told the progress of a build, line by line
 * @throws AgentBinaryError if there is none and none can be built
 */
export const findOrBuildAgents = async (
  report: (line: string) => void = () => undefined,
  search: AgentSearch = {},
): Promise<AgentBinaries> => {
  const places = completeSearch(search);
  const isStatic = await canBuildStatically(places.environment);
  // One after the other: each build alone uses all cores.
  const nomad = await findOrBuild(isStatic ? staticNomad : recipes.nomad, places, report);
  const consul = await findOrBuild(recipes.consul, places, report);
  return { nomad, consul };
};

/**
 * Builds both for machines, whatever is on the `PATH`: static ones, which run on any C library.
 *
 * @throws AgentBinaryError if they cannot be built
 */
export const buildStaticAgents = async (
  report: (line: string) => void = () => undefined,
  search: AgentSearch = {},
): Promise<AgentBinaries> => {
  const places = completeSearch(search);
  if (!(await canBuildStatically(places.environment))) {
    throw new AgentBinaryError(
      "a static Nomad is built with musl's compiler and the kernel's headers, on Linux: install musl-tools and linux-libc-dev (Debian)",
    );
  }
  const nomad = await buildOnce(staticNomad, places, report);
  const consul = await buildOnce(recipes.consul, places, report);
  return { nomad, consul };
};
