import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { packageRoot } from "../package-root.ts";
import type { Api } from "./api.ts";
import { waitFor } from "./polling.ts";

const policyFolder = join(packageRoot, "docs/policies");

/** Secret ids of a cluster's tokens. */
export interface AccessTokens {
  readonly nomad: string;
  readonly consul: string;
}

/** What a Consul agent and the Nomad beside it need to register themselves and their services. */
const machineRules = `
agent_prefix "" { policy = "read" }
node_prefix "" { policy = "write" }
service_prefix "" { policy = "write" }
`;

const createConsulToken = async (
  api: Api,
  name: string,
  rules: string,
  secret: string,
): Promise<void> => {
  await api.call("PUT", "/v1/acl/policy", { Name: name, Rules: rules });
  await api.call("PUT", "/v1/acl/token", {
    Description: name,
    SecretID: secret,
    Policies: [{ Name: name }],
  });
};

/**
 * Waits for Consul's leader and creates the tokens of the machines and of Drover.
 *
 * @param assertAlive - throws when waiting has become pointless
 */
export const grantConsulAccess = async (
  api: Api,
  tokens: { readonly machine: string; readonly drover: string },
  assertAlive: () => Promise<void>,
): Promise<void> => {
  await waitFor("Consul to have a leader that knows its management token", async () => {
    await assertAlive();
    await api.call("GET", "/v1/acl/token/self");
    return true;
  });
  const rules = await readFile(join(policyFolder, "consul-drover.policy.hcl"), "utf8");
  await createConsulToken(api, "machine", machineRules, tokens.machine);
  await createConsulToken(api, "drover", rules, tokens.drover);
};

/**
 * Waits for Nomad's leader, makes the management token with which `api` already calls valid, and
 * creates Drover's token.
 *
 * @param assertAlive - throws when waiting has become pointless
 * @returns the secret id of Drover's token
 */
export const grantNomadAccess = async (
  api: Api,
  managementToken: string,
  assertAlive: () => Promise<void>,
): Promise<string> => {
  await waitFor("Nomad to accept its first token", async () => {
    await assertAlive();
    await api.call("POST", "/v1/acl/bootstrap", { BootstrapSecret: managementToken });
    return true;
  });
  const rules = await readFile(join(policyFolder, "nomad-drover.policy.hcl"), "utf8");
  await api.call("POST", "/v1/acl/policy/drover", { Name: "drover", Rules: rules });
  const token = await api.call<{ SecretID: string }>("POST", "/v1/acl/token", {
    Name: "drover",
    Type: "client",
    Policies: ["drover"],
  });
  return token.SecretID;
};
