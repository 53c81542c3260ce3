import type { ClusterFailure, ClusterService } from "../../clients/cluster-api.ts";

/** How a service is reached. */
export interface Contact {
  readonly service: ClusterService;
  readonly address: URL;
  /** Whether a CA of one's own is given. */
  readonly hasCa: boolean;
  readonly hasClientCertificate: boolean;
}

export type Failure = Pick<ClusterFailure, "kind" | "status" | "code" | "text">;

export interface Explanation {
  readonly what: string;
  readonly remedy: string;
}

interface Known {
  readonly applies: (failure: Failure, contact: Contact) => boolean;
  readonly explain: (contact: Contact, failure: Failure) => Explanation;
}

const byCode =
  (pattern: RegExp) =>
  ({ code, text }: Failure): boolean =>
    typeof code === "string" ? pattern.test(code) : pattern.test(text);
const byText =
  (pattern: RegExp) =>
  ({ text }: Failure): boolean =>
    pattern.test(text);

const property = ({ service }: Contact): string => service.toLowerCase();
const port = ({ address }: Contact): string =>
  address.port || (address.protocol === "https:" ? "443" : "80");
const shown = ({ address }: Contact): string => address.origin;

/**
 * What each way to fail means, in the words of a person who has to mend it. The
 * codes are Node's, OpenSSL's and the operating system's; the first that applies
 * is taken.
 */
const known: readonly Known[] = [
  {
    applies: byText(/gives no secret/),
    explain: (_, { text }) => ({
      what: text,
      remedy: "see the finding on the secrets",
    }),
  },
  {
    applies: byCode(/^(ENOTFOUND|EAI_)/),
    explain: (contact) => ({
      what: `the name ${contact.address.hostname} is not resolved where the functions run`,
      remedy: `correct ${property(contact)}.address, or let the VPC of the functions resolve it (a private hosted zone, a resolver rule; DNS support of the VPC on)`,
    }),
  },
  {
    applies: byCode(/^ECONNREFUSED/),
    explain: (contact) => ({
      what: `the connection to ${contact.address.host} is refused: the machine is reached, and nothing listens on port ${port(contact)}`,
      remedy: `correct the port of ${property(contact)}.address; ${contact.service} has to listen on an address that others reach, and not on 127.0.0.1 alone; a load balancer needs a healthy target`,
    }),
  },
  {
    applies: byCode(/^(EHOSTUNREACH|ENETUNREACH)/),
    explain: (contact) => ({
      what: `there is no route to ${contact.address.hostname}`,
      remedy:
        "give the subnets of the functions a route there (peering, transit gateway), and one back",
    }),
  },
  {
    applies: (failure) =>
      byCode(/^ETIMEDOUT/)(failure) || byText(/did not establish a connection/)(failure),
    explain: (contact) => ({
      what: `no connection to ${contact.address.host} comes about: packets are dropped on the way`,
      remedy: `let the security group of the functions in on port ${port(contact)} (\`servers.connections.allowFrom(drover, Port.tcp(${port(contact)}))\`); look at network ACLs and at routes, both ways`,
    }),
  },
  {
    applies: byText(/no answer within/),
    explain: (contact, { text }) => ({
      what: `${contact.address.host} gives ${text}`,
      remedy: `see whether ${contact.service} is up and has a leader, and whether it is ${contact.service} that listens there`,
    }),
  },
  {
    applies: byCode(/^CERT_HAS_EXPIRED/),
    explain: (contact) => ({
      what: `the certificate of ${contact.address.host}, or of one of its authorities, has expired`,
      remedy: `renew the certificates of ${contact.service}, and the CA in the secret of ${property(contact)}.tls.ca if that is the one`,
    }),
  },
  {
    applies: byCode(/^CERT_NOT_YET_VALID/),
    explain: (contact) => ({
      what: `the certificate of ${contact.address.host} is not valid yet`,
      remedy: "look at the clock of the machine that issued it",
    }),
  },
  {
    applies: byCode(/^ERR_TLS_CERT_ALTNAME_INVALID/),
    explain: (contact, { text }) => ({
      what: `the certificate of ${contact.address.host} is for another name: ${text}`,
      remedy: `issue it with ${contact.address.hostname} as an alternative name, or give ${property(contact)}.address a name that is in it`,
    }),
  },
  {
    applies: byCode(
      /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_UNTRUSTED|CERT_SIGNATURE|CERT_CHAIN|INVALID_CA)/,
    ),
    explain: (contact, { code }) => ({
      what: `the certificate of ${contact.address.host} is not trusted (${String(code)})`,
      remedy: contact.hasCa
        ? `put the CA that issued it into the secret of ${property(contact)}.tls.ca: another one is there, or an intermediate certificate is missing`
        : `give the CA that issued it as ${property(contact)}.tls.ca: without it only public authorities are trusted`,
    }),
  },
  {
    applies: byCode(/KEY_VALUES_MISMATCH/),
    explain: (contact) => ({
      what: "the client certificate and its key do not belong together",
      remedy: `put both of one pair into the secrets of ${property(contact)}.tls.clientCertificate and ${property(contact)}.tls.clientKey`,
    }),
  },
  {
    applies: byCode(/^ERR_OSSL_/),
    explain: (contact, { text }) => ({
      what: `a secret holds no usable PEM: ${text}`,
      remedy: `put the PEM texts, as they are, into the secrets of ${property(contact)}.tls`,
    }),
  },
  {
    // With TLS 1.2 the code is EPROTO, and only OpenSSL's words tell.
    applies: (failure) =>
      byCode(/_ALERT_/)(failure) ||
      byText(/alert (handshake failure|bad certificate|certificate|unknown ca)/i)(failure),
    explain: (contact, { code }) =>
      contact.hasClientCertificate
        ? {
            what: `${contact.address.host} does not accept Drover's client certificate (${String(code)})`,
            remedy: `issue one with the CA that ${contact.service} verifies clients with, for client authentication, and put it into the secrets of ${property(contact)}.tls`,
          }
        : {
            what: `${contact.address.host} asks for a client certificate, and Drover has none (${String(code)})`,
            remedy: `give ${property(contact)}.tls.clientCertificate and clientKey, or let ${contact.service} do without (verify_https_client, verify_incoming)`,
          },
  },
  {
    applies: byCode(/^(EPROTO|ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH)/),
    explain: (contact) => ({
      what: `what listens on ${contact.address.host} speaks no TLS`,
      remedy: `give the port with TLS, or ${property(contact)}.address with http: and allowHttp`,
    }),
  },
  {
    applies: byText(/HTTP request to an HTTPS server|plain HTTP request was sent to HTTPS/i),
    explain: (contact) => ({
      what: `${contact.address.host} wants TLS`,
      remedy: `write https: in ${property(contact)}.address`,
    }),
  },
  {
    applies: byText(/No path to (region|datacenter)/i),
    explain: (contact) =>
      contact.service === "Nomad"
        ? {
            what: "Nomad has no such region as nomad.region says",
            remedy: "correct nomad.region (`nomad server members` shows it)",
          }
        : {
            what: "Consul has no such datacenter as consul.datacenter says",
            remedy: "correct consul.datacenter (`consul members` shows it)",
          },
  },
  {
    applies: byText(/No cluster leader|rpc error: EOF|failed to get conn/i),
    explain: (contact) => ({
      what: `${contact.service} has no leader`,
      remedy: `bring a majority of its servers back (\`${property(contact)} operator raft list-peers\`)`,
    }),
  },
  {
    applies: ({ kind }) => kind === "busy",
    explain: (contact) => ({
      what: `${contact.service} has too many connections from the address of the functions (429)`,
      remedy:
        "raise http_max_conns_per_client of the servers (100 by default in Nomad), or see what else calls from these subnets",
    }),
  },
  {
    applies: ({ kind }) => kind === "refused",
    explain: (contact, { text }) => ({
      what: `${contact.service} refuses the token: ${text}`,
      remedy: `it is another one, it has expired, or none is given where ACLs are on: put a token with the policy docs/policies/${property(contact)}-drover.policy.hcl into the secret of ${property(contact)}.token`,
    }),
  },
  {
    applies: ({ status }) => status === 502 || status === 503 || status === 504,
    explain: (contact, { status, text }) => ({
      what: `a load balancer or a proxy answers in the place of ${contact.service} (${status}): ${text}`,
      remedy: "see whether it has healthy targets, and what it says of them",
    }),
  },
  {
    applies: byCode(/^(ECONNRESET|EPIPE)/),
    explain: (contact) => ({
      what: `the connection to ${contact.address.host} is cut`,
      remedy: `see what stands in between (a firewall, a proxy, a listener of another protocol) and whether the agent restarts${
        contact.address.protocol === "https:" && !contact.hasClientCertificate
          ? "; it may also want a client certificate"
          : ""
      }`,
    }),
  },
];

/** What a failed call means, and what to do. */
export const explainFailure = (contact: Contact, failure: Failure): Explanation => {
  const found = known.find(({ applies }) => applies(failure, contact));
  if (found) return found.explain(contact, failure);
  const code = typeof failure.code === "string" ? ` (${failure.code})` : "";
  const status = failure.status === undefined ? "" : ` (${failure.status})`;
  return {
    what: `${shown(contact)} gives no usable answer${status}${code}: ${failure.text}`,
    remedy: `see whether ${contact.service} itself listens there, and what its log says`,
  };
};
