import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type Contact,
  explainFailure,
  type Failure,
} from "../../../../lambdas/watch/rules/explain-failure.ts";

const contact: Contact = {
  service: "Nomad",
  address: new URL("https://nomad.internal:4646"),
  hasCa: true,
  hasClientCertificate: true,
};
const failure = (over: Partial<Failure>): Failure => ({
  kind: "unreachable",
  status: undefined,
  code: undefined,
  text: "",
  ...over,
});

const cases: readonly (readonly [string, Partial<Failure>, RegExp, RegExp])[] = [
  [
    "a name that nobody knows",
    { code: "ENOTFOUND", text: "getaddrinfo ENOTFOUND nomad.internal" },
    /nomad\.internal is not resolved/,
    /nomad\.address.*private hosted zone/,
  ],
  ["a resolver that does not answer", { code: "EAI_AGAIN" }, /is not resolved/, /resolve/],
  ["a closed port", { code: "ECONNREFUSED" }, /listens on port 4646/, /127\.0\.0\.1/],
  ["no route", { code: "EHOSTUNREACH" }, /no route/, /route/],
  ["no network", { code: "ENETUNREACH" }, /no route/, /route/],
  ["dropped packets", { code: "ETIMEDOUT" }, /dropped on the way/, /security group.*4646/],
  [
    "dropped packets, as the SDK's handler says it",
    {
      text: "@smithy/node-http-handler - the request socket did not establish a connection with the server within the configured timeout of 5000 ms.",
    },
    /dropped on the way/,
    /allowFrom\(drover, Port\.tcp\(4646\)\)/,
  ],
  [
    "silence after that",
    { text: "no answer within 10 s" },
    /no answer within 10 s/,
    /has a leader/,
  ],
  ["an old certificate", { code: "CERT_HAS_EXPIRED" }, /has expired/, /renew/],
  ["one of tomorrow", { code: "CERT_NOT_YET_VALID" }, /not valid yet/, /clock/],
  [
    "another name",
    { code: "ERR_TLS_CERT_ALTNAME_INVALID", text: "Host: nomad.internal. is not in the cert's" },
    /is for another name: Host: nomad\.internal/,
    /alternative name/,
  ],
  [
    "a self-signed one",
    { code: "DEPTH_ZERO_SELF_SIGNED_CERT" },
    /is not trusted/,
    /nomad\.tls\.ca/,
  ],
  [
    "its authority",
    { code: "SELF_SIGNED_CERT_IN_CHAIN" },
    /is not trusted/,
    /another one is there/,
  ],
  ["no issuer", { code: "UNABLE_TO_GET_ISSUER_CERT_LOCALLY" }, /is not trusted/, /nomad\.tls\.ca/],
  [
    "a certificate that is asked for",
    { code: "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED" },
    /does not accept Drover's client certificate/,
    /for client authentication/,
  ],
  [
    "a client certificate of an unknown authority",
    { code: "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA" },
    /does not accept/,
    /verifies clients with/,
  ],
  [
    "the same with TLS 1.2",
    { code: "EPROTO", text: "SSL routines:ssl3_read_bytes:sslv3 alert handshake failure" },
    /does not accept/,
    /nomad\.tls/,
  ],
  ["another protocol", { code: "EPROTO", text: "wrong version number" }, /no TLS/, /allowHttp/],
  ["a wrong key", { code: "ERR_OSSL_X509_KEY_VALUES_MISMATCH" }, /belong together/, /clientKey/],
  ["no PEM", { code: "ERR_OSSL_PEM_NO_START_LINE", text: "no start line" }, /usable PEM/, /tls/],
  [
    "HTTP where TLS is spoken",
    { kind: "rejected", status: 400, text: "Client sent an HTTP request to an HTTPS server." },
    /wants TLS/,
    /https:/,
  ],
  ["another region", { status: 500, text: "No path to region" }, /such region/, /server members/],
  ["nobody leads", { status: 500, text: "No cluster leader" }, /no leader/, /list-peers/],
  ["too many", { kind: "busy", status: 429 }, /\(429\)/, /http_max_conns_per_client/],
  [
    "a wrong token",
    { kind: "refused", status: 403, text: "Permission denied" },
    /refuses the token: Permission denied/,
    /nomad-drover\.policy\.hcl.*nomad\.token/,
  ],
  ["an empty load balancer", { status: 503 }, /load balancer.*503/, /healthy targets/],
  ["one that waits no longer", { status: 504, text: "Gateway Time-out" }, /504/, /targets/],
  ["a cut connection", { code: "ECONNRESET", text: "socket hang up" }, /is cut/, /firewall/],
  ["anything else", { status: 418, text: "I'm a teapot" }, /\(418\).*teapot/, /log/],
  [
    "Secrets Manager",
    { text: "Secrets Manager gives no secret for it: not found" },
    /gives no secret/,
    /finding on the secrets/,
  ],
];

describe("a failure is explained", () => {
  for (const [title, over, what, remedy] of cases) {
    test(title, () => {
      const explained = explainFailure(contact, failure(over));
      assert.match(explained.what, what);
      assert.match(explained.remedy, remedy);
    });
  }

  test("in Consul's own words", () => {
    const consul = {
      ...contact,
      service: "Consul" as const,
      address: new URL("https://consul.internal"),
    };
    const explain = (over: Partial<Failure>) => explainFailure(consul, failure(over));
    assert.match(explain({ text: "No path to datacenter" }).what, /no such datacenter/);
    assert.match(explain({ code: "ECONNREFUSED" }).what, /port 443/);
    assert.match(explain({ kind: "refused" }).remedy, /consul-drover\.policy\.hcl/);
  });

  test("by what is missing: a CA, a client certificate", () => {
    const bare = { ...contact, hasCa: false, hasClientCertificate: false };
    const untrusted = failure({ code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" });
    assert.match(explainFailure(bare, untrusted).remedy, /give the CA/);
    const asked = failure({ code: "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED" });
    assert.match(explainFailure(bare, asked).what, /asks for a client certificate/);
    const cut = failure({ code: "ECONNRESET" });
    assert.match(explainFailure(bare, cut).remedy, /may also want a client certificate/);
    assert.doesNotMatch(explainFailure(contact, cut).remedy, /client certificate/);
  });
});
