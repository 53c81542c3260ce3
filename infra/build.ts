import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { buildFunctions } from "./function-code.ts";

/**
 * Makes what the npm package holds, in `dist/`: Node.js strips no types inside
 * `node_modules`, so the library goes there as JavaScript with declarations,
 * and its functions as finished bundles.
 */
const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");

mkdirSync(dist, { recursive: true });
for (const name of readdirSync(dist)) {
  if (name !== "release") rmSync(join(dist, name), { recursive: true });
}
execFileSync(
  process.execPath,
  [join(root, "node_modules", "typescript", "bin", "tsc"), "--project", "tsconfig.build.json"],
  { cwd: root, stdio: "inherit" },
);
for (const { path, contents } of buildFunctions()) {
  const file = join(dist, "functions", path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, contents);
}
// The rehearsal with real agents builds them from these.
for (const agent of ["nomad", "consul"]) {
  const folder = join("rehearsal", "agents", agent);
  cpSync(join(root, folder), join(dist, folder), { recursive: true });
}
