import { existsSync } from "node:fs";

export type AgentName = "nomad" | "consul";

/** How an executable is built. */
export interface Recipe {
  readonly name: AgentName;
  /** An environment variable that names an executable to take instead. */
  readonly variable: string;
  readonly package: string;
  readonly tags: string;
  readonly ldflags: string;
  /** A C compiler, for what is not Go alone; without one all is. */
  readonly compiler?: "gcc" | "musl-gcc";
}

// The last lines under the MPL: Nomad 1.6.1 and Consul 1.15.4. Each has a Go module of its own beside
// this file, because one dependency graph cannot hold both.
export const recipes: Readonly<Record<AgentName, Recipe>> = {
  nomad: {
    name: "nomad",
    variable: "NOMAD_BIN",
    package: "github.com/hashicorp/nomad",
    tags: "",
    ldflags: "-s -w",
    // The exec driver's runc starts in C, before the Go runtime: without cgo it does not compile.
    compiler: "gcc",
  },
  // Go alone, and so static as it is.
  consul: {
    name: "consul",
    variable: "CONSUL_BIN",
    package: "github.com/hashicorp/consul",
    tags: "",
    // A build without this calls itself 1.15.4-dev.
    ldflags: "-s -w -X github.com/hashicorp/consul/version.Version=1.15.4",
  },
};

/** Runs on any C library, or without one. */
export const staticNomad: Recipe = {
  ...recipes.nomad,
  // Go's own resolver and look-up of users, instead of those of the C library.
  tags: "netgo,osusergo",
  ldflags: "-s -w -linkmode external -extldflags -static",
  compiler: "musl-gcc",
};

/**
 * The folders of the kernel's headers, which musl does not have and a build of Nomad needs, by the
 * names under which C includes them. Undefined where they are not all here.
 */
export const findKernelHeaders = (
  architecture: string = process.arch,
): Readonly<Record<string, string>> | undefined => {
  const machine = { x64: "x86_64", arm64: "aarch64" }[architecture];
  const asm = [`/usr/include/${machine}-linux-gnu/asm`, "/usr/include/asm"].find(existsSync);
  const shared = { linux: "/usr/include/linux", "asm-generic": "/usr/include/asm-generic" };
  if (asm === undefined || !Object.values(shared).every(existsSync)) return undefined;
  return { ...shared, asm };
};
