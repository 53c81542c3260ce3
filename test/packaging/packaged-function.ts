import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { buildFunctions } from "../../infra/function-code.ts";
import { synthesizeReference } from "../../infra/reference-app.ts";
import { readStack } from "../../rehearsal/world/stack.ts";
import { type Answer, startRuntimeApi } from "./runtime-api.ts";

/** A function as the reference app deploys it. */
export interface Deployed {
  readonly task: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
}

const place = { region: "eu-west-1", account: "123456789012", stackName: "Drover" };

/** The functions of the reference app's template, one for each task. */
export const readDeployed = (): readonly Deployed[] => {
  const { functions } = readStack(synthesizeReference({ bundles: true }).template, place);
  return [...new Map(functions.map((one) => [one.task, one])).values()];
};

/** Writes the bundles as they are uploaded, into a folder from which no `node_modules` is found. */
export const writeBundles = async (folder: string): Promise<void> => {
  for (const { path, contents } of buildFunctions()) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), contents);
  }
};

/** The role's credentials, as Lambda gives them. */
export const credentials = {
  AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE",
  AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  AWS_SESSION_TOKEN: "a-session-token",
} as const;

/** What came of one event. */
export interface Invoked extends Answer {
  /** What the function wrote, line by line. */
  readonly lines: readonly string[];
}

/**
 * Runs a function's bundle under Lambda's own runtime interface client, with the environment of
 * the function and of Lambda and nothing else, and gives it one event.
 *
 * @param options.client - the client's main module
 * @param options.env - beside or instead of the function's own
 * @throws Error if the function ends before it has answered, with what it wrote
 */
export const invokePackaged = async (
  { task, env, timeoutSeconds }: Deployed,
  event: unknown,
  options: {
    readonly client: string;
    readonly bundles: string;
    readonly env: Readonly<Record<string, string>>;
  },
): Promise<Invoked> => {
  const api = await startRuntimeApi(timeoutSeconds);
  const child = spawn(process.execPath, [options.client], {
    cwd: join(options.bundles, task),
    env: {
      ...credentials,
      AWS_REGION: place.region,
      AWS_LAMBDA_RUNTIME_API: api.address,
      AWS_LAMBDA_FUNCTION_NAME: "packaged",
      AWS_LAMBDA_FUNCTION_VERSION: "1",
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "256",
      AWS_LAMBDA_LOG_GROUP_NAME: "packaged",
      AWS_LAMBDA_LOG_STREAM_NAME: "packaged",
      LAMBDA_TASK_ROOT: join(options.bundles, task),
      _HANDLER: "index.handler",
      ...env,
      ...options.env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  const closed = once(child, "close");
  try {
    const answer = await Promise.race([
      api.invoke(event),
      closed.then(() => {
        throw new Error(`${task} ended before it had answered:\n${output}`);
      }),
    ]);
    child.kill();
    await closed;
    return { ...answer, lines: output.split("\n").filter((line) => line !== "") };
  } finally {
    child.kill("SIGKILL");
    await api.close();
  }
};
