import { parseSettings } from "../runtime/settings.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { connectClusterApi } from "./cluster-api.ts";
import { type Consul, consulClient } from "./consul.ts";
import { type Nomad, nomadClient } from "./nomad.ts";
import { secretsManager } from "./secrets.ts";

export interface Cluster {
  readonly nomad: Nomad;
  readonly region: string;
  /** Undefined when Drover was deployed without Consul. */
  readonly consul: Consul | undefined;
  /** Reads the secrets again at the next call. */
  readonly refreshSecrets: () => void;
}

/** Nomad and Consul, as the settings of the function name them. */
export const connectCluster = (surroundings: Surroundings): Cluster => {
  const settings = parseSettings("cluster", surroundings.env);
  const nomadSecrets = {
    token: settings.NOMAD_TOKEN_SECRET,
    ca: settings.NOMAD_CACERT_SECRET,
    clientCertificate: settings.NOMAD_CLIENT_CERT_SECRET,
    clientKey: settings.NOMAD_CLIENT_KEY_SECRET,
  };
  const consulSecrets = {
    token: settings.CONSUL_HTTP_TOKEN_SECRET,
    ca: settings.CONSUL_CACERT_SECRET,
    clientCertificate: settings.CONSUL_CLIENT_CERT_SECRET,
    clientKey: settings.CONSUL_CLIENT_KEY_SECRET,
  };
  const secrets = secretsManager(surroundings, [
    ...Object.values(nomadSecrets),
    ...Object.values(consulSecrets),
  ]);
  const nomad = connectClusterApi(surroundings, secrets, {
    service: "Nomad",
    address: settings.NOMAD_ADDR,
    secrets: nomadSecrets,
  });
  const consul =
    settings.CONSUL_HTTP_ADDR &&
    connectClusterApi(surroundings, secrets, {
      service: "Consul",
      address: settings.CONSUL_HTTP_ADDR,
      secrets: consulSecrets,
    });
  return {
    nomad: nomadClient(nomad, settings.NOMAD_REGION),
    region: settings.NOMAD_REGION,
    consul: consul && consulClient(consul, settings.CONSUL_DATACENTER ?? "dc1"),
    refreshSecrets: () => secrets.refresh(),
  };
};
