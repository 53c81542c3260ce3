import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import * as fc from "fast-check";
import {
  type ApiCall,
  type ClusterApiProps,
  ClusterFailure,
  connectClusterApi,
  type FailureKind,
} from "../../../lambdas/clients/cluster-api.ts";
import { secretsManager } from "../../../lambdas/clients/secrets.ts";
import type { TlsFiles } from "../../../lambdas/runtime/surroundings.ts";
import { type Bench, type Instead, startBench } from "../bench.ts";

let bench: Bench;
beforeEach(async () => void (bench = await startBench()));
afterEach(() => bench.end());

const nomadHeaders = { "x-nomad-index": "17" };
const isNomad = (host: string) => host === "nomad.internal";
const secretOf = (name: string): string => String(bench.surroundings.env[name]);

/** A connection to Nomad, whose answers the test gives. */
const connect = (
  answer: () => Instead | undefined | void,
  props: Partial<ClusterApiProps> = {},
  onConnect: (tls: TlsFiles) => void = () => undefined,
) => {
  bench.meddle(({ host }) => (isNomad(host) ? answer() : undefined));
  const surroundings = {
    ...bench.surroundings,
    connect: (tls: TlsFiles) => {
      onConnect(tls);
      return bench.surroundings.connect(tls);
    },
  };
  const given: ClusterApiProps = {
    service: "Nomad",
    address: new URL("https://nomad.internal:4646"),
    secrets: {
      token: secretOf("NOMAD_TOKEN_SECRET"),
      ca: secretOf("NOMAD_CACERT_SECRET"),
      clientCertificate: secretOf("NOMAD_CLIENT_CERT_SECRET"),
      clientKey: secretOf("NOMAD_CLIENT_KEY_SECRET"),
    },
    ...props,
  };
  const secrets = secretsManager(surroundings, Object.values(given.secrets));
  return connectClusterApi(surroundings, secrets, given);
};
const read: ApiCall = { method: "GET", path: "/v1/node/n-1", query: { region: "global" } };
const failureOf = async (promise: Promise<unknown>): Promise<ClusterFailure> => {
  const error: unknown = await bench.settle(promise).then(
    () => assert.fail("it did not fail"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ClusterFailure, String(error));
  return error;
};
const toNomad = () => bench.sent.filter(({ host }) => isNomad(host));

describe("a request", () => {
  test("has path, parameters, token, and the host with its port", async () => {
    const api = connect(() => ({ status: 200, headers: nomadHeaders, body: '{"ID":"n-1"}' }));
    const { body, index } = await bench.settle(api.call<{ ID: string }>(read));
    assert.deepEqual([body, index], [{ ID: "n-1" }, 17]);
    const [sent] = toNomad();
    assert.deepEqual(
      [sent?.method, sent?.path, sent?.query],
      ["GET", "/v1/node/n-1", { region: "global" }],
    );
    assert.deepEqual(sent?.headers, {
      host: "nomad.internal:4646",
      accept: "application/json",
      "x-nomad-token": "nomad-token-of-drover",
    });
  });

  test("has a body of JSON only where there is one", async () => {
    const api = connect(() => ({ status: 200, headers: nomadHeaders }));
    await bench.settle(api.call({ method: "PUT", path: "/v1/x", body: { Deadline: 60e9 } }));
    await bench.settle(api.call({ method: "PUT", path: "/v1/x" }));
    const [one, other] = toNomad();
    assert.deepEqual(
      [one?.body, one?.headers["content-type"]],
      ['{"Deadline":60000000000}', "application/json"],
    );
    assert.deepEqual([other?.body, other?.headers["content-type"]], ["", undefined]);
  });

  test("has no token where there are no ACLs", async () => {
    const api = connect(() => ({ status: 200, headers: nomadHeaders }), { secrets: {} });
    bench.meddle(({ host }) => (isNomad(host) ? { status: 200 } : undefined));
    await bench.settle(api.call(read)).catch(() => undefined);
    assert.equal(bench.operations("secretsmanager").length, 0);
  });

  test("goes to Consul with Consul's header", async () => {
    const api = connect(() => undefined, {
      service: "Consul",
      address: new URL("https://consul.internal:8501"),
      secrets: {
        token: secretOf("CONSUL_HTTP_TOKEN_SECRET"),
        ca: secretOf("CONSUL_CACERT_SECRET"),
        clientCertificate: secretOf("CONSUL_CLIENT_CERT_SECRET"),
        clientKey: secretOf("CONSUL_CLIENT_KEY_SECRET"),
      },
    });
    const { body } = await bench.settle(
      api.call({ method: "GET", path: "/v1/catalog/node/none", query: { dc: "dc1" } }),
    );
    assert.equal(body, null);
    const sent = bench.sent.find(({ host }) => host === "consul.internal");
    assert.equal(sent?.headers["x-consul-token"], "consul-token-of-drover");
  });
});

describe("an answer that is no success", () => {
  for (const [kind, status, text, headers] of [
    ["refused", 403, "Permission denied", {}],
    ["refused", 404, "ACL token not found", nomadHeaders],
    ["refused", 500, "acl token lookup failed: index error: UUID must be 36 characters", {}],
    ["busy", 429, "Your IP is issuing too many concurrent connections", {}],
    ["missing", 404, "node not found", nomadHeaders],
    ["unreachable", 404, "<h1>404 Not Found</h1>", {}],
    ["unreachable", 500, "No cluster leader", {}],
    ["unreachable", 500, "rpc error: EOF", {}],
    ["unreachable", 500, "No path to region", {}],
    ["unreachable", 400, "No path to region", {}],
    ["unreachable", 502, "Bad Gateway", {}],
    ["unreachable", 504, "", {}],
    ["unreachable", 408, "Request Timeout", {}],
    ["unreachable", 425, "Too Early", {}],
    ["unreachable", 499, "", {}],
    ["unreachable", 301, "", {}],
    ["rejected", 400, "error finding value in datum", {}],
    ["rejected", 405, "Invalid method", {}],
  ] as const satisfies (readonly [FailureKind, number, string, object])[]) {
    test(`is ${kind}: ${status} ${text}`, async () => {
      const api = connect(() => ({ status, body: `${text}\n`, headers }));
      const failure = await failureOf(api.call(read));
      assert.deepEqual(
        [failure.service, failure.kind, failure.status, failure.text],
        ["Nomad", kind, status, text],
      );
      assert.match(failure.message, /at GET \/v1\/node\/n-1/);
    });
  }

  test("is cut short in what is said of it", async () => {
    const api = connect(() => ({ status: 500, body: "x".repeat(10_000) }));
    assert.equal((await failureOf(api.call(read))).text.length, 300);
  });

  for (const [title, answer] of [
    [
      "no connection",
      () => {
        throw Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
      },
    ],
    ["a success that is no JSON", () => ({ status: 200, headers: nomadHeaders, body: "<html>" })],
  ] as const) {
    test(`is unreachable: ${title}`, async () => {
      assert.equal((await failureOf(connect(answer).call(read))).kind, "unreachable");
    });
  }

  test("is unreachable when nothing is said for ten seconds, longer for a blocking query", async () => {
    bench.nomad.setOutage("silent");
    const api = connect(() => undefined);
    const began = bench.clock.now();
    const failure = await failureOf(api.call(read));
    assert.equal(failure.kind, "unreachable");
    assert.match(failure.text, /no answer within 10 s/);
    assert.equal(bench.clock.now() - began, 10_000);
    await failureOf(api.call({ ...read, holdSeconds: 50 }));
    assert.equal(bench.clock.now() - began, 70_000);
  });
});

describe("a token", () => {
  test("that is refused is read anew, once", async () => {
    const api = connect(() => ({ status: 403, body: "Permission denied" }));
    assert.equal((await failureOf(api.call(read))).kind, "refused");
    assert.equal(toNomad().length, 2);
    assert.equal(bench.operations("secretsmanager").length, 2);
  });

  test("that was rotated is used at once when the old one is refused", async () => {
    bench.nomad.acl.removeToken("nomad-token-of-drover");
    bench.nomad.acl.addToken({
      secret: "new token",
      accessor: "a-2",
      policies: ["drover"],
    });
    const api = connect(() => undefined);
    assert.equal((await failureOf(api.call({ ...read, path: "/v1/nodes" }))).kind, "refused");
    bench.secrets.rotate("nomad-token", "new token\n");
    const { body } = await bench.settle(api.call({ ...read, path: "/v1/nodes" }));
    assert.deepEqual(body, []);
  });

  test("is kept for five minutes, and read again after", async () => {
    const api = connect(() => ({ status: 200, headers: nomadHeaders }));
    await bench.settle(api.call(read));
    await bench.pass(299);
    await bench.settle(api.call(read));
    assert.equal(bench.operations("secretsmanager").length, 1);
    bench.secrets.rotate("nomad-token", "new token");
    await bench.pass(1);
    await bench.settle(api.call(read));
    assert.equal(toNomad().at(-1)?.headers["x-nomad-token"], "new token");
  });

  test("that cannot be read is an outage, not an error of the task", async () => {
    const api = connect(() => undefined, { secrets: { token: "no-such-secret" } });
    const failure = await failureOf(api.call(read));
    assert.equal(failure.kind, "unreachable");
    assert.match(failure.text, /Secrets Manager/);
    assert.equal(toNomad().length, 0);
  });

  test("that could not be read is asked for again by the next call", async () => {
    let isDown = true;
    const api = connect(() => ({ status: 200, headers: nomadHeaders }));
    bench.meddle(({ host }) => {
      if (isDown && host.startsWith("secretsmanager")) {
        return { status: 400, body: '{"__type":"AccessDeniedException","message":"no"}' };
      }
      return isNomad(host) ? { status: 200, headers: nomadHeaders } : undefined;
    });
    await failureOf(api.call(read));
    isDown = false;
    await bench.settle(api.call(read));
  });

  test("is in no failure, whatever the service or the connection says", async () => {
    const token = "nomad-token-of-drover";
    const anyText = fc.constantFrom(
      token,
      `{"SecretID":"${token}"`,
      `X-Nomad-Token: ${token}`,
      `${"x".repeat(290)}${token}`,
    );
    await fc.assert(
      fc.asyncProperty(
        anyText,
        fc.constantFrom<"thrown" | number>("thrown", 200, 400, 403, 404, 429, 500),
        async (text, how) => {
          const api = connect(() => {
            if (typeof how === "string") throw new Error(text, { cause: new Error(text) });
            return { status: how, body: text };
          });
          const failure = await failureOf(api.call(read));
          for (let cause: unknown = failure; cause instanceof Error; cause = cause.cause)
            assert.doesNotMatch(`${cause.message} ${cause.stack}`, /nomad-token/);
          assert.doesNotMatch(JSON.stringify(failure), /nomad-token/);
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe("a connection", () => {
  const certificate = { code: "CERT_HAS_EXPIRED" };

  test("is made with the certificates, and kept while they are the same", async () => {
    const made: TlsFiles[] = [];
    const api = connect(
      () => ({ status: 200, headers: nomadHeaders }),
      {},
      (tls) => made.push(tls),
    );
    await bench.settle(api.call(read));
    await bench.pass(301);
    await bench.settle(api.call(read));
    assert.deepEqual(made, [
      {
        ca: bench.park.credentials.ca,
        clientCertificate: bench.park.credentials.clientCertificate,
        clientKey: bench.park.credentials.clientKey,
      },
    ]);
  });

  test("whose certificate was rotated is made anew, once", async () => {
    const made: TlsFiles[] = [];
    const api = connect(
      () => undefined,
      {},
      (tls) => made.push(tls),
    );
    bench.secrets.rotate("nomad-certificate", "an expired one");
    assert.equal((await failureOf(api.call({ ...read, path: "/v1/nodes" }))).kind, "unreachable");
    bench.secrets.rotate("nomad-certificate", bench.park.credentials.clientCertificate);
    assert.deepEqual((await bench.settle(api.call({ ...read, path: "/v1/nodes" }))).body, []);
    assert.equal(made.length, 2);
  });

  test("that fails in its handshake is tried twice, any other once", async () => {
    for (const [error, calls] of [
      [certificate, 2],
      [{ code: "ECONNRESET" }, 1],
    ] as const) {
      bench.operations();
      const api = connect(() => {
        throw Object.assign(new Error("failed"), error);
      });
      await failureOf(api.call(read));
      assert.equal(toNomad().length, calls);
    }
  });
});
