#!/usr/bin/env node
import { complainAboutNode } from "./node-version.ts";
import { exitCodes } from "./output.ts";

const complaint = complainAboutNode(process.versions.node);
if (complaint === undefined) {
  const { run } = await import("./run.ts");
  process.exitCode = await run(process.argv.slice(2), {
    out: (text) => process.stdout.write(text),
    error: (text) => process.stderr.write(text),
  });
} else {
  process.stderr.write(complaint);
  process.exitCode = exitCodes.badArguments;
}
