import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type AccessTokens, grantConsulAccess, grantNomadAccess } from "./access.ts";
import { type AddressBlock, claimAddressBlock } from "./addresses.ts";
import { type Api, createApi } from "./api.ts";
import { findOrBuildAgents } from "./binaries.ts";
import { createCertificateAuthority, issueClientMaterial } from "./certificates.ts";
import { controlJobs } from "./job-control.ts";
import { type Keeper, startKeeper } from "./keeper.ts";
import type { RunningMachine } from "./launch.ts";
import type { LiveCluster, LiveClusterOptions } from "./live-cluster.ts";
import type { HeartbeatPace } from "./machine.ts";
import { createMachinePark, type MachinePark } from "./machine-park.ts";
import { waitFor } from "./polling.ts";

export type { LiveClient, LiveCluster, LiveClusterOptions, LiveInstance } from "./live-cluster.ts";

const quickHeartbeat: HeartbeatPace = {
  minimumTtlSeconds: 2,
  graceSeconds: 3,
  failoverSeconds: 20,
};

/** What must be given back, from the first moment on. */
interface Belongings {
  readonly folder: string;
  readonly keeper: Keeper;
  readonly addresses: AddressBlock;
  readonly apis: Api[];
  park?: MachinePark;
}

const giveBack = async (belongings: Belongings): Promise<void> => {
  await belongings.park?.powerOffAll();
  for (const api of belongings.apis) api.close();
  await belongings.keeper.finish();
  belongings.addresses.release();
};

const controlNomadServer = (
  server: RunningMachine,
  nomad: Api,
): Pick<LiveCluster, "stopNomadServer" | "startNomadServer" | "restartNomadServer"> => {
  const stopNomadServer = () => server.nomad.terminate();
  const startNomadServer = async (): Promise<void> => {
    await server.startNomad();
    await waitFor("Nomad to have a leader again", async () => {
      await server.assertAlive();
      // Not a stale read: its answer comes from a leader.
      await nomad.call("GET", "/v1/nodes?per_page=1");
      return true;
    });
  };
  return {
    stopNomadServer,
    startNomadServer,
    restartNomadServer: async ({ downForMs = 0 } = {}) => {
      await stopNomadServer();
      await sleep(downForMs);
      await startNomadServer();
    },
  };
};

const start = async (
  options: LiveClusterOptions,
  belongings: Belongings,
  report: (line: string) => void,
): Promise<LiveCluster> => {
  const binaries = await findOrBuildAgents(report);
  const { folder, addresses, apis } = belongings;
  const region = options.region ?? "eu";
  const datacenter = options.datacenter ?? "dc1";
  const management: AccessTokens = { nomad: randomUUID(), consul: randomUUID() };
  const machineToken = randomUUID();
  const consulToken = randomUUID();
  const authority = await createCertificateAuthority(folder);
  const tls = await issueClientMaterial(authority);
  const serverAddress = addresses.next();
  const nomadAddress = `https://${serverAddress}:4646`;
  const consulAddress = `https://${serverAddress}:8501`;
  const nomad = createApi({ kind: "nomad", address: nomadAddress, tls, token: management.nomad });
  const consul = createApi({
    kind: "consul",
    address: consulAddress,
    tls,
    token: management.consul,
  });
  apis.push(nomad, consul);
  const facts = {
    region,
    datacenter,
    serverAddress,
    ca: authority.certificate,
    machineToken,
    consulManagementToken: management.consul,
    gossipKey: randomBytes(32).toString("base64"),
    heartbeat: options.heartbeat ?? quickHeartbeat,
    connections: options.connections ?? 0,
  };
  const park = createMachinePark(
    { binaries, authority, tls, folder, facts },
    addresses,
    nomad,
    consul,
  );
  belongings.park = park;

  report("starting the servers of Nomad and Consul");
  const server = await park.launch({
    name: "server-1",
    address: serverAddress,
    nomadServer: "first",
    consulServer: "first",
  });
  const [nomadToken] = await Promise.all([
    grantNomadAccess(nomad, management.nomad, server.assertAlive),
    grantConsulAccess(consul, { machine: machineToken, drover: consulToken }, server.assertAlive),
  ]);

  return {
    nomad: { address: nomadAddress, region },
    consul: { address: consulAddress, datacenter },
    tls,
    tokens: { nomad: nomadToken, consul: consulToken },
    management,
    folder,
    addClient: (instance) => park.addClient(instance),
    addServerWithClient: (instance, serves = "nomad") => park.addClient(instance, serves),
    powerOff: (instanceId) => park.powerOff(instanceId),
    freezeNomad: async (instanceId) => (await park.find(instanceId)).nomad.freeze(),
    thawNomad: async (instanceId) => (await park.find(instanceId)).nomad.thaw(),
    ...controlNomadServer(server, nomad),
    nomadApi: (method, path, body) => nomad.call(method, path, body),
    consulApi: (method, path, body) => consul.call(method, path, body),
    ...controlJobs(nomad),
    waitFor,
    stop: () => giveBack(belongings),
  };
};

/**
 * Starts Nomad and Consul servers on loopback addresses of their own; both ask for a client
 * certificate and a token. Takes about three seconds.
 *
 * Needs Linux, OpenSSL 3 and util-linux (`setpriv`, `unshare`), and either root or user namespaces
 * that anyone may create. As root, tasks have secrets folders in memory as on a real machine; without,
 * on disk. Nothing else differs.
 *
 * @throws AgentBinaryError if there are no executables
 * @throws Error with the end of its log if a server does not start
 */
export const startLiveCluster = async (options: LiveClusterOptions = {}): Promise<LiveCluster> => {
  const addresses = await claimAddressBlock();
  const folder = await mkdtemp(join(options.directory ?? tmpdir(), "drover-"));
  const keeper = await startKeeper(folder);
  const belongings = { folder, keeper, addresses, apis: [] };
  try {
    return await start(options, belongings, options.report ?? (() => undefined));
  } catch (error) {
    await giveBack(belongings);
    throw error;
  }
};
