import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, afterEach, before, beforeEach } from "node:test";
// Loaded beforehand: the SDK's modules take longer than a test.
import "../../cli/bundle-connection.ts";
import type { Outside } from "../../cli/outside.ts";
import { run } from "../../cli/run.ts";
import { region, scratchFolder } from "../lambdas/config/bundle-account.ts";
import { useBundleAccount } from "../lambdas/config/use-bundle-account.ts";

/** The commands of bundles as a person types them, each test with an account and a source of its own. */
export const useBundleCommands = () => {
  const account = useBundleAccount();
  let scratch: ReturnType<typeof scratchFolder>;
  const source = () => join(scratch.folder, "pool");
  const write = (path: string, text: string | Buffer): void => {
    const file = join(source(), path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  };
  before(() => {
    process.env["AWS_REGION"] = region;
  });
  after(() => {
    delete process.env["AWS_REGION"];
  });
  beforeEach(() => {
    scratch = scratchFolder();
    write("bundle.yaml", "architectures: [amd64]\n");
    write("files/etc/motd", "hello\n");
  });
  afterEach(() => scratch.remove());

  const drover = async (args: readonly string[], outside: Partial<Outside> = {}) => {
    let out = "";
    let error = "";
    const code = await run(
      args,
      { out: (text) => (out += text), error: (text) => (error += text) },
      { clock: account().clock, awsHandler: account().handler(), ...outside },
    );
    return { code, out, error };
  };
  /** What is said where all is well. */
  const fine = async (...args: readonly string[]): Promise<string> => {
    const { code, out, error } = await drover([...args, "--pool", "workers"]);
    assert.deepEqual([code, error], [0, ""]);
    return out;
  };
  const json = async (...args: readonly string[]) =>
    JSON.parse(await fine(...args, "--json")) as Record<string, unknown>;
  return {
    account,
    scratch: () => scratch.folder,
    source,
    write,
    drover,
    fine,
    json,
    publish: (...args: readonly string[]) => json("publish", source(), ...args),
  };
};
