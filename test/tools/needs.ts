import { execFileSync, spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { AgentBinaryError, findOrBuildAgents } from "../../rehearsal/agents/binaries.ts";
import { buildLocalKms, LocalKmsError } from "../contract/local-kms/build.ts";
import { installRic } from "../packaging/install-ric.ts";

/** Something that tests need and that is not here; the message says what to install. */
export class Missing extends Error {
  override readonly name = "Missing";
}

/** What a part of the tests needs beside the npm packages, and how it gets here. */
export interface Need {
  readonly name: string;
  /** @throws Missing if it is not here and cannot be had */
  readonly prepare: (report: (line: string) => void) => Promise<void>;
}

/**
 * Debian's packages, by the command for which they are installed. None has a service, which Debian
 * would start: what has one is unpacked where it is needed (unbound, `test/node/alpine`).
 */
const packages = {
  "c++": ["g++"],
  cmake: ["cmake"],
  debugfs: ["e2fsprogs"],
  gcc: ["gcc", "libc6-dev"],
  java: ["default-jdk-headless"],
  javac: ["default-jdk-headless"],
  make: ["make"],
  "musl-gcc": ["musl-tools"],
  mvn: ["maven"],
  nsenter: ["util-linux"],
  openssl: ["openssl"],
  python3: ["python3"],
  "qemu-img": ["qemu-utils"],
  setpriv: ["util-linux"],
  strace: ["strace"],
  tar: ["tar"],
  unshare: ["util-linux"],
  // A part of Python that Debian keeps apart, and no command.
  venv: ["python3-venv"],
  xz: ["xz-utils"],
} as const satisfies Record<string, readonly string[]>;

type Command = keyof typeof packages;

const isHere = (command: string): boolean =>
  (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return folder !== "";
    } catch {
      return false;
    }
  });

const hasVenv = (): boolean => spawnSync("python3", ["-c", "import ensurepip, venv"]).status === 0;

const isMissing = (command: Command): boolean =>
  command === "venv" ? !hasVenv() : !isHere(command);

const canInstall = (): boolean =>
  process.getuid?.() === 0 && existsSync("/etc/debian_version") && isHere("apt-get");

const runApt = (args: readonly string[]): void => {
  try {
    execFileSync("apt-get", ["-q", "-y", ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      stdio: ["ignore", "pipe", "pipe"],
    });
  } catch (error) {
    const said = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : "";
    throw new Missing(`apt-get ${args.join(" ")} failed: ${said}`, { cause: error });
  }
};

/**
 * Installs Debian's packages as root on Debian; elsewhere it only looks.
 *
 * @throws Missing with the names of all that is not here
 */
const needCommands = (commands: readonly Command[], report: (line: string) => void): void => {
  const missing = commands.filter(isMissing);
  if (missing.length === 0) return;
  const wanted = [...new Set(missing.flatMap((command) => packages[command]))];
  if (canInstall()) {
    report(`installing Debian's ${wanted.join(", ")}`);
    runApt(["update"]);
    runApt(["install", "--no-install-recommends", ...wanted]);
  }
  const still = missing.filter(isMissing);
  if (still.length === 0) return;
  throw new Missing(
    `needs ${still.join(", ")} (on Debian: apt-get install ${wanted.join(" ")}, as root)`,
  );
};

/** Python tools in a place of their own, as `python.sh` installs them. */
const pythonNeed = (name: string, ...args: readonly string[]): Need => ({
  name,
  prepare: async (report) => {
    needCommands(["python3", "venv"], report);
    try {
      execFileSync("sh", [join(import.meta.dirname, "python.sh"), ...args], {
        stdio: ["ignore", "pipe", "pipe"],
      });
    } catch (error) {
      throw new Missing(`${name} could not be installed: ${String(error)}`, { cause: error });
    }
  },
});

/** Python tools, pinned in `test/requirements.txt`. */
export const python: Need = pythonNeed("the Python tools");

/** A public emulator of AWS's services, which holds ours to its word. */
export const ministack: Need = pythonNeed(
  "ministack",
  "ministack",
  "test/contract/ministack/requirements.txt",
);

export const openssl: Need = {
  name: "OpenSSL",
  prepare: async (report) => {
    needCommands(["openssl"], report);
  },
};

/** Ends a process at a call of the system. */
export const strace: Need = {
  name: "strace",
  prepare: async (report) => {
    needCommands(["openssl", "strace"], report);
  },
};

/** A public emulator of AWS KMS, which signs digests as that does. */
export const localKms: Need = {
  name: "local-kms",
  prepare: async (report) => {
    needCommands(["openssl"], report);
    try {
      await buildLocalKms(report);
    } catch (error) {
      if (error instanceof LocalKmsError) throw new Missing(error.message, { cause: error });
      throw error;
    }
  },
};

const moto = pythonNeed("moto", "moto", "test/node/moto/requirements.txt");

/** Machines with Alpine's own userland, and AWS services that verify what these sign. */
export const machines: Need = {
  name: "machines with Alpine",
  prepare: async (report) => {
    if (process.getuid?.() !== 0) throw new Missing("machines with Alpine need root");
    needCommands(
      ["debugfs", "nsenter", "openssl", "qemu-img", "setpriv", "strace", "unshare"],
      report,
    );
    await moto.prepare(report);
    try {
      execFileSync("sh", [join(import.meta.dirname, "..", "node", "alpine", "make-root.sh")], {
        stdio: ["ignore", "pipe", "pipe"],
      });
    } catch (error) {
      throw new Missing(`Alpine's root could not be made: ${String(error)}`, { cause: error });
    }
  },
};

/** Real Nomad and Consul agents. */
export const agents: Need = {
  name: "Nomad and Consul",
  prepare: async (report) => {
    needCommands(["openssl", "setpriv", "unshare", "gcc", "musl-gcc"], report);
    try {
      await findOrBuildAgents(report);
    } catch (error) {
      if (error instanceof AgentBinaryError) throw new Missing(error.message, { cause: error });
      throw error;
    }
  },
};

/** Java and Maven, for AWS's own engine of event patterns. */
export const jdk: Need = {
  name: "Java",
  prepare: async (report) => {
    needCommands(["java", "javac", "mvn"], report);
  },
};

/** Lambda's own runtime client, with its addon in C++. */
export const lambdaRuntime: Need = {
  name: "Lambda's runtime interface client",
  prepare: async (report) => {
    needCommands(["cmake", "c++", "make", "tar", "xz", "python3"], report);
    try {
      await installRic(report);
    } catch (error) {
      throw new Missing(
        `Lambda's runtime interface client could not be installed: ${String(error)}`,
        { cause: error },
      );
    }
  },
};

/** Machines on which the real agents run. */
export const machinesWithAgents: Need = {
  name: "machines with Nomad and Consul",
  prepare: async (report) => {
    await machines.prepare(report);
    await agents.prepare(report);
  },
};

/** Machines that boot what was signed as AWS KMS signs it. */
export const machinesWithKms: Need = {
  name: "machines and local-kms",
  prepare: async (report) => {
    await machines.prepare(report);
    await localKms.prepare(report);
  },
};
