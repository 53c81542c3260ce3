#!/usr/bin/env node
// Plain JavaScript, and nothing imported before the check: an older Node.js cannot
// even read the TypeScript of the rest to say so itself.
const [major, minor] = process.versions.node.split(".").map(Number);

if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(
    `drover: this is Node.js ${process.versions.node}, and Drover needs 22.18 or later.\n` +
      "In a clone, `npm install` brings the right one, which `npm run -s drover -- …` then uses;\n" +
      "installed with --ignore-scripts it is missing: run `npm rebuild node`.\n",
  );
  process.exit(2);
}
await import("./drover.ts");
