import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type CertificateAuthority,
  createCertificateAuthority,
} from "../../rehearsal/agents/certificates.ts";
import { waitFor } from "../../rehearsal/agents/polling.ts";

/** A Consul server that hands out certificates to its clients. */
export interface ConsulServer {
  readonly authority: CertificateAuthority;
  /** The text of the authority's certificate. */
  readonly ca: string;
  /** @throws Error unless the answer is one of success */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows the body
  readonly call: <Body>(method: string, path: string, body?: unknown) => Promise<Body>;
  /** Members by their names; 1 is alive, 3 has left. */
  readonly members: () => Promise<Readonly<Record<string, number>>>;
}

export interface ConsulServerOptions {
  readonly binary: string;
  readonly folder: string;
  /** Of the loopback interface; its HTTP API has port 8500 there, and HTTPS 8501. */
  readonly address: string;
  readonly gossip: string;
  /** With it there are ACLs, and this token may do everything. */
  readonly management?: string;
}

const composeSettings = (
  { address, folder, gossip, management }: ConsulServerOptions,
  ca: string,
  own: { certificate: string; key: string },
) => ({
  server: true,
  bootstrap: true,
  disable_update_check: true,
  datacenter: "dc1",
  data_dir: join(folder, "data"),
  bind_addr: address,
  client_addr: address,
  encrypt: gossip,
  auto_encrypt: { allow_tls: true },
  connect: { enabled: true },
  ports: { https: 8501, grpc: -1, grpc_tls: -1 },
  tls: {
    defaults: {
      ca_file: ca,
      cert_file: own.certificate,
      key_file: own.key,
      verify_incoming: true,
      verify_outgoing: true,
    },
    // Who logs in has no certificate yet.
    https: { verify_incoming: false },
    internal_rpc: { verify_server_hostname: true },
  },
  ...(management === undefined
    ? {}
    : {
        acl: {
          enabled: true,
          default_policy: "deny",
          tokens: { initial_management: management, agent: management },
        },
      }),
});

/** Starts a server and waits until it leads; it ends with the test. */
export const startConsulServer = async (
  context: { after(done: () => Promise<void>): void },
  options: ConsulServerOptions,
): Promise<ConsulServer> => {
  const { binary, folder, address, management } = options;
  const authority = await createCertificateAuthority(folder);
  const own = await authority.issue("server", ["DNS:server.dc1.consul"]);
  const config = join(folder, "server.json");
  writeFileSync(config, JSON.stringify(composeSettings(options, authority.certificate, own)));
  const child = spawn(
    "setpriv",
    ["--pdeathsig", "KILL", "--", binary, "agent", `-config-file=${config}`],
    { stdio: "ignore" },
  );
  context.after(async () => {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  });

  const call: ConsulServer["call"] = async (method, path, body) => {
    const response = await fetch(`http://${address}:8500${path}`, {
      method,
      headers: management === undefined ? {} : { "x-consul-token": management },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`Consul answered ${response.status} to ${path}: ${text}`);
    return JSON.parse(text);
  };
  await waitFor("Consul's server to lead", async () =>
    (await call<string>("GET", "/v1/status/leader")).includes(address),
  );
  if (management !== undefined) {
    await waitFor("it to know its token", () => call<object>("GET", "/v1/acl/token/self"));
  }
  return {
    authority,
    ca: readFileSync(authority.certificate, "utf8"),
    call,
    members: async () =>
      Object.fromEntries(
        (await call<{ Name: string; Status: number }[]>("GET", "/v1/agent/members")).map(
          ({ Name, Status }) => [Name, Status],
        ),
      ),
  };
};
