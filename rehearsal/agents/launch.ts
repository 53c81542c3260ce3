import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createApi } from "./api.ts";
import type { AgentBinaries } from "./binaries.ts";
import type { CertificateAuthority, TlsMaterial } from "./certificates.ts";
import { configureConsul } from "./consul-config.ts";
import { type ClientFacts, type ClusterFacts, type Machine, nameMachine } from "./machine.ts";
import { type MetadataServer, startMetadataServer } from "./metadata-server.ts";
import { configureNomad } from "./nomad-config.ts";
import { PointlessWaitError, waitFor } from "./polling.ts";
import { type AgentProcess, startAgentProcess } from "./processes.ts";

/** What it takes to launch machines of one cluster. */
export interface Launcher {
  readonly binaries: AgentBinaries;
  readonly authority: CertificateAuthority;
  readonly tls: TlsMaterial;
  readonly facts: ClusterFacts;
  readonly folder: string;
}

/** What a machine is and runs. Each runs one Nomad and one Consul agent. */
export interface MachineSpecification {
  readonly name: string;
  readonly address: string;
  readonly nomadServer?: "first" | "joining";
  readonly nomadClient?: ClientFacts;
  readonly consulServer?: "first" | "joining";
  /** @default the name */
  readonly consulName?: string;
}

/** A machine with its agents. */
export interface RunningMachine {
  readonly name: string;
  readonly address: string;
  readonly nomad: AgentProcess;

  /** Starts Nomad again with its old data, after it was stopped. */
  startNomad(): Promise<void>;

  /** Ends everything on it at once. */
  powerOff(): Promise<void>;

  /** @throws PointlessWaitError with the end of its log if an agent has stopped by itself */
  readonly assertAlive: () => Promise<void>;
}

const writeConfiguration = async (path: string, configuration: object): Promise<void> =>
  writeFile(path, JSON.stringify(configuration, undefined, 2), { mode: 0o600 });

/**
 * Waits until a Consul agent answers. Nomad's client asks it once at its start and then only every 15
 * seconds: a node that was quicker is `ready` without `unique.consul.name` until then.
 */
const awaitConsul = async (launcher: Launcher, name: string, address: string): Promise<void> => {
  const api = createApi({
    kind: "consul",
    address: `https://${address}:8501`,
    tls: launcher.tls,
    token: launcher.facts.machineToken,
  });
  try {
    await waitFor(`the Consul agent of ${name} to answer`, async () => {
      await api.call("GET", "/v1/agent/self");
      return true;
    });
  } finally {
    api.close();
  }
};

/** Makes the machine's folder, certificate and configuration, and starts its agents. */
export const launchMachine = async (
  launcher: Launcher,
  specification: MachineSpecification,
): Promise<RunningMachine> => {
  const { binaries, facts } = launcher;
  const { name, address, nomadServer, nomadClient, consulServer } = specification;
  const folder = join(launcher.folder, name);
  await mkdir(folder, { recursive: true });
  const certificate = await launcher.authority.issue(
    name,
    nameMachine(facts, address, {
      nomadServer: nomadServer !== undefined,
      consulServer: consulServer !== undefined,
    }),
  );
  const machine: Machine = { name, address, folder, certificate };
  const nomadFile = join(folder, "nomad.json");
  const consulFile = join(folder, "consul.json");
  await writeConfiguration(
    nomadFile,
    configureNomad(facts, machine, { server: nomadServer, client: nomadClient }),
  );
  await writeConfiguration(
    consulFile,
    configureConsul(facts, machine, consulServer, specification.consulName),
  );

  const metadata: MetadataServer | undefined =
    nomadClient === undefined ? undefined : await startMetadataServer(name, address);
  const startNomad = () =>
    startAgentProcess({
      command: binaries.nomad,
      args: ["agent", "-config", nomadFile],
      environment: metadata === undefined ? {} : { AWS_ENV_URL: metadata.url },
      log: join(folder, "nomad.log"),
      cluster: launcher.folder,
    });
  const consul = await startAgentProcess({
    command: binaries.consul,
    args: ["agent", "-config-file", consulFile],
    log: join(folder, "consul.log"),
    cluster: launcher.folder,
  });
  let nomad: AgentProcess;
  try {
    if (consulServer !== "first") await awaitConsul(launcher, name, address);
    nomad = await startNomad();
  } catch (error) {
    metadata?.close();
    await consul.kill();
    throw error;
  }

  return {
    name,
    address,
    get nomad() {
      return nomad;
    },
    startNomad: async () => {
      nomad = await startNomad();
    },
    powerOff: async () => {
      metadata?.close();
      await Promise.all([nomad.kill(), consul.kill()]);
      // Its disk goes with it: a machine that comes after it under this name is another one.
      for (const data of ["nomad", "consul", "state", "alloc"]) {
        await rm(join(folder, data), { recursive: true, force: true });
      }
    },
    assertAlive: async () => {
      for (const [agent, process] of Object.entries({ nomad, consul })) {
        if (process.running) continue;
        const log = await readFile(join(folder, `${agent}.log`), "utf8");
        throw new PointlessWaitError(
          `${agent} on ${name} has stopped:\n${log.split("\n").slice(-15).join("\n")}`,
        );
      }
    },
  };
};
