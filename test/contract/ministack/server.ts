import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";

import { systemClock } from "../../../lambdas/runtime/clock.ts";

const root = join(import.meta.dirname, "..", "..", "..");

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no TCP port is free");
  return address.port;
};

/** What stands in for credentials: ministack takes anybody's. */
export const anybody = { accessKeyId: "tester", secretAccessKey: "secret" };

/** How clients of it are made, but for its address. */
export const anywhere = { region: "eu-west-1", credentials: anybody, maxAttempts: 1 };

export interface Ministack {
  /** Where all its services are. */
  readonly endpoint: string;
  readonly close: () => Promise<void>;
}

const isUp = async (endpoint: string): Promise<boolean> => {
  try {
    return (await fetch(`${endpoint}/_ministack/health`)).ok;
  } catch {
    return false;
  }
};

const stop = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
};

/**
 * Starts ministack on the loopback interface, with nothing in it.
 *
 * @throws Error with what it said when it does not come up within a minute
 */
export const startMinistack = async (): Promise<Ministack> => {
  execFileSync(
    "sh",
    [
      join(root, "test", "tools", "python.sh"),
      "ministack",
      "test/contract/ministack/requirements.txt",
    ],
    { stdio: ["ignore", "inherit", "inherit"] },
  );
  const port = await freePort();
  const child = spawn(join(root, ".cache", "ministack", "bin", "ministack"), [], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env["PATH"],
      HOME: "/nonexistent",
      GATEWAY_PORT: String(port),
      // It listens on all interfaces, and to more than HTTP, unless it is told not to.
      BIND_HOST: "127.0.0.1",
      IOT_MTLS_ENABLED: "0",
      SFTP_ENABLED: "0",
      LOG_LEVEL: "ERROR",
    },
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream
      .setEncoding("utf8")
      .on("data", (chunk: string) => (said = (said + chunk).slice(-10_000)));

  const endpoint = `http://127.0.0.1:${port}`;
  const end = systemClock.now() + 60_000;
  while (!(await isUp(endpoint))) {
    if (child.exitCode !== null || systemClock.now() > end) {
      await stop(child);
      throw new Error(`ministack did not come up: ${said}`);
    }
    await systemClock.sleep(100);
  }
  return { endpoint, close: () => stop(child) };
};
