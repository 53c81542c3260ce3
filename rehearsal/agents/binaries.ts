import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { access, mkdir, readFile, rename, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { cacheFolder } from "../package-root.ts";

/** The paths of the two executables. */
export interface AgentBinaries {
  readonly nomad: string;
  readonly consul: string;
}

/** No executable was found and none could be built; the message says what to do about it. */
export class AgentBinaryError extends Error {
  override readonly name = "AgentBinaryError";
}

interface Recipe {
  readonly name: keyof AgentBinaries;
  /** An environment variable that names an executable to take instead. */
  readonly variable: string;
  readonly package: string;
  readonly ldflags: string;
  /** "1" needs a C compiler. */
  readonly cgo: "0" | "1";
}

// The last lines under the MPL: Nomad 1.6.1 and Consul 1.15.4. Each has a Go module of its own beside
// this file, because one dependency graph cannot hold both.
const recipes: Record<keyof AgentBinaries, Recipe> = {
  nomad: {
    name: "nomad",
    variable: "NOMAD_BIN",
    package: "github.com/hashicorp/nomad",
    ldflags: "-s -w",
    // The exec driver's runc starts in C, before the Go runtime: without cgo it does not compile.
    cgo: "1",
  },
  consul: {
    name: "consul",
    variable: "CONSUL_BIN",
    package: "github.com/hashicorp/consul",
    // A build without this calls itself 1.15.4-dev.
    ldflags: "-s -w -X github.com/hashicorp/consul/version.Version=1.15.4",
    cgo: "0",
  },
};

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

const requireCompilers = async (recipe: Recipe, environment: Environment): Promise<void> => {
  const instead = `or set ${recipe.variable} to a ${recipe.name} executable, or put one on the PATH`;
  if ((await findOnPath("go", environment)) === undefined) {
    throw new AgentBinaryError(
      `${recipe.name} is not here and cannot be built, since there is no Go: install Go 1.24 or later, ${instead}`,
    );
  }
  if (
    recipe.cgo === "1" &&
    (await findOnPath(environment["CC"] ?? "gcc", environment)) === undefined
  ) {
    throw new AgentBinaryError(
      `${recipe.name} is not here and cannot be built without a C compiler: install gcc (or set CC), ${instead}`,
    );
  }
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
    ["build", "-trimpath", "-ldflags", recipe.ldflags, "-o", output, recipe.package],
    {
      cwd: moduleFolder(recipe.name),
      // The committed go.mod and go.sum say everything: a build that would change them must fail.
      env: { ...environment, GOFLAGS: "-mod=readonly -buildvcs=false", CGO_ENABLED: recipe.cgo },
      stdio: ["ignore", "ignore", "pipe"],
    },
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
  await mkdir(join(path, ".."), { recursive: true });
  // Under a name of its own until it is whole: an interrupted build leaves nothing that looks
  // complete, and two builds at once do not write into one file.
  const unfinished = `${path}.${process.pid}`;
  try {
    await runGo(recipe, unfinished, environment, report);
    await rename(unfinished, path);
  } finally {
    await rm(unfinished, { force: true });
  }
  report(`${recipe.name}: built`);
};

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
  const onPath = await findOnPath(recipe.name, environment);
  if (onPath !== undefined) return onPath;
  const cached = await findCachePath(recipe, search.cache);
  if (!(await isExecutable(cached))) await build(recipe, cached, environment, report);
  return cached;
};

/**
 * Finds the Nomad and Consul executables: what `NOMAD_BIN` and `CONSUL_BIN` name, else what is on
 * the `PATH`, else what was built before; else builds them (some minutes, once).
 *
 * @param report - is told the progress of a build, line by line
 * @throws AgentBinaryError if there is none and none can be built
 */
export const findOrBuildAgents = async (
  report: (line: string) => void = () => undefined,
  search: AgentSearch = {},
): Promise<AgentBinaries> => {
  const places = {
    environment: search.environment ?? process.env,
    cache: search.cache ?? join(cacheFolder, "agents"),
  };
  // One after the other: each build alone uses all cores.
  const nomad = await findOrBuild(recipes.nomad, places, report);
  const consul = await findOrBuild(recipes.consul, places, report);
  return { nomad, consul };
};
