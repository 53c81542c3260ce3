import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CertificateAuthority } from "../../rehearsal/agents/certificates.ts";
import { waitFor } from "../../rehearsal/agents/polling.ts";

/** A node as Nomad's server has it. */
export interface NomadNode {
  readonly ID: string;
  readonly Name: string;
  readonly Status: string;
  readonly Meta: Readonly<Record<string, string>>;
}

/** A Nomad server that clients find through Consul. */
export interface NomadServer {
  /** The node with a name, or undefined while there is none. */
  readonly findNode: (name: string) => Promise<NomadNode | undefined>;
}

/**
 * Starts one and waits until it leads; it ends with the test.
 *
 * @param address - of the loopback interface; Consul's HTTP API has port 8500 there
 */
export const startNomadServer = async (
  context: { after(done: () => Promise<void>): void },
  {
    binary,
    folder,
    address,
    authority,
  }: {
    readonly binary: string;
    readonly folder: string;
    readonly address: string;
    readonly authority: CertificateAuthority;
  },
): Promise<NomadServer> => {
  const own = await authority.issue("nomad-server", ["DNS:server.global.nomad"]);
  const config = join(folder, "nomad-server.json");
  writeFileSync(
    config,
    JSON.stringify({
      name: "server",
      data_dir: join(folder, "nomad"),
      bind_addr: address,
      advertise: { http: address, rpc: address, serf: address },
      disable_update_check: true,
      server: { enabled: true, bootstrap_expect: 1 },
      consul: { address: `${address}:8500` },
      tls: {
        rpc: true,
        ca_file: authority.certificate,
        cert_file: own.certificate,
        key_file: own.key,
        verify_server_hostname: true,
      },
    }),
  );
  const child = spawn(
    "setpriv",
    ["--pdeathsig", "KILL", "--", binary, "agent", `-config=${config}`],
    { stdio: "ignore" },
  );
  context.after(async () => {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  });

  const read = async <Body>(path: string): Promise<Body> => {
    const response = await fetch(`http://${address}:4646${path}`);
    if (!response.ok) throw new Error(`Nomad answered ${response.status} to ${path}`);
    return (await response.json()) as Body;
  };
  await waitFor("Nomad's server to lead", async () =>
    (await read<string>("/v1/status/leader")).includes(address),
  );
  return {
    findNode: async (name) => {
      const stub = (await read<NomadNode[]>("/v1/nodes")).find((node) => node.Name === name);
      return stub && read<NomadNode>(`/v1/node/${stub.ID}`);
    },
  };
};
