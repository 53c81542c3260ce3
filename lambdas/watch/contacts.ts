import { ClusterFailure, type ClusterService } from "../clients/cluster-api.ts";
import type { ClusterSettings } from "../runtime/settings.ts";
import type { GivenSecrets } from "./examine-secrets.ts";
import { about, type Check, type Finding } from "./findings.ts";
import { type Contact, explainFailure } from "./rules/explain-failure.ts";

/** One of the services, as the settings of a function say how it is reached. */
export interface Reach {
  readonly contact: Contact;
  readonly secrets: GivenSecrets;
}

const reach = (service: ClusterService, address: URL, secrets: GivenSecrets): Reach => ({
  contact: {
    service,
    address,
    hasCa: secrets.ca !== undefined,
    hasClientCertificate: secrets.clientCertificate !== undefined,
  },
  secrets,
});

export const reachNomad = (settings: ClusterSettings): Reach =>
  reach("Nomad", settings.NOMAD_ADDR, {
    token: settings.NOMAD_TOKEN_SECRET,
    ca: settings.NOMAD_CACERT_SECRET,
    clientCertificate: settings.NOMAD_CLIENT_CERT_SECRET,
    clientKey: settings.NOMAD_CLIENT_KEY_SECRET,
  });

/** Undefined when Drover was deployed without Consul. */
export const reachConsul = (settings: ClusterSettings): Reach | undefined =>
  settings.CONSUL_HTTP_ADDR &&
  reach("Consul", settings.CONSUL_HTTP_ADDR, {
    token: settings.CONSUL_HTTP_TOKEN_SECRET,
    ca: settings.CONSUL_CACERT_SECRET,
    clientCertificate: settings.CONSUL_CLIENT_CERT_SECRET,
    clientKey: settings.CONSUL_CLIENT_KEY_SECRET,
  });

/** What the work finds, or else what its failure means. */
export const orExplain = async (
  contact: Contact,
  check: Check,
  work: () => Promise<Finding[]>,
): Promise<Finding[]> => {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ClusterFailure)) throw error;
    const { what, remedy } = explainFailure(contact, error);
    return [about(check, contact.address.origin).error(what, remedy)];
  }
};

/** Whether there is no use in looking further. */
export const isBroken = (findings: readonly Finding[]): boolean =>
  findings.some(({ severity }) => severity === "error");
