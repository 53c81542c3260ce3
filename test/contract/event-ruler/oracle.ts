import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

const here = import.meta.dirname;
const cache = join(here, "..", "..", "..", ".cache");

/** The class path of the oracle: fetched by Maven and compiled once for each version of it. */
const build = (): string => {
  const sources = ["pom.xml", "Oracle.java"].map((name) => readFileSync(join(here, name)));
  const digest = sources.reduce((hash, each) => hash.update(each), createHash("sha256"));
  const folder = join(cache, `event-ruler-${digest.digest("hex").slice(0, 16)}`);
  if (!existsSync(folder)) {
    // Built beside its place, so that what is there is whole.
    const draft = `${folder}-${process.pid}`;
    mkdirSync(draft, { recursive: true });
    const run = (command: string, args: readonly string[]) =>
      execFileSync(command, args, { cwd: here, stdio: ["ignore", "ignore", "inherit"] });
    run("mvn", ["-q", "-B", "dependency:copy-dependencies", `-DoutputDirectory=${draft}`]);
    run("javac", ["-XDsuppressNotes", "-cp", join(draft, "*"), "-d", draft, "Oracle.java"]);
    if (existsSync(folder)) rmSync(draft, { recursive: true });
    else renameSync(draft, folder);
  }
  return [folder, join(folder, "*")].join(":");
};

export interface Question {
  readonly pattern: unknown;
  readonly event: unknown;
}

/** What AWS's own engine says to each pattern and event. */
export const askEventRuler = (
  questions: readonly Question[],
): readonly ("yes" | "no" | "invalid")[] => {
  const answers = execFileSync("java", ["-cp", build(), "Oracle"], {
    encoding: "utf8",
    input: questions.map((question) => JSON.stringify(question)).join("\n"),
    maxBuffer: 64 * 1024 * 1024,
  });
  return answers
    .trimEnd()
    .split("\n")
    .map((answer) => {
      if (answer === "yes" || answer === "no" || answer === "invalid") return answer;
      throw new Error(`event-ruler answered ${answer}`);
    });
};
