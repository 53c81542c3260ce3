/**
 * Builds Nomad and Consul for machines and lays them out as the bucket of the bundles has them:
 * `node rehearsal/agents/build-static.ts [folder]`. Writes the lines of `bundle.yaml` that pin them.
 */
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AgentBinaryError, buildStaticAgents } from "./binaries.ts";
import { needsLoader } from "./elf.ts";

/** As `bundle.yaml` names this machine's architecture. */
const architecture = process.arch === "x64" ? "amd64" : process.arch;

const layOut = (path: string, name: string, folder: string): string[] => {
  const content = readFileSync(path);
  if (needsLoader(content)) throw new AgentBinaryError(`${path} is not static`);
  const sha256 = createHash("sha256").update(content).digest("hex");
  copyFileSync(path, join(folder, sha256));
  return [
    `  - path: /usr/local/bin/${name}`,
    "    check: [version]",
    `    ${architecture}: { source: bucket, sha256: ${sha256}, bytes: ${content.length} }`,
  ];
};

const folder = process.argv[2] ?? "dist/binaries";
try {
  const agents = await buildStaticAgents((line) => process.stderr.write(`${line}\n`));
  mkdirSync(folder, { recursive: true });
  const lines = Object.entries(agents).flatMap(([name, path]) => layOut(path, name, folder));
  process.stdout.write(["binaries:", ...lines, ""].join("\n"));
} catch (error) {
  if (!(error instanceof AgentBinaryError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
