import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, Server as HttpServer } from "node:http";
import { createServer, Server as HttpsServer, type ServerOptions } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { ClusterFailure, connectClusterApi } from "../../../lambdas/clients/cluster-api.ts";
import { connectOverTls } from "../../../lambdas/clients/tls.ts";
import { systemClock } from "../../../lambdas/runtime/clock.ts";
import type { TlsFiles } from "../../../lambdas/runtime/surroundings.ts";
import { explainFailure, type Explanation } from "../../../lambdas/watch/rules/explain-failure.ts";
import {
  type CertificateAuthority,
  type CertificateFiles,
  createCertificateAuthority,
} from "../../../rehearsal/agents/certificates.ts";

/** What real connections meet, in the words in which Node and OpenSSL say it. */

const folder = mkdtempSync(join(tmpdir(), "drover-connections-"));
after(() => rmSync(folder, { recursive: true }));

const text = (file: string): string => readFileSync(file, "utf8");
const pair = ({ certificate, key }: CertificateFiles) => ({
  cert: text(certificate),
  key: text(key),
});

/** OpenSSL issues none that has expired, unless it is told both ends of its time. */
const issueExpired = (authority: CertificateAuthority): CertificateFiles => {
  const files = { certificate: join(folder, "expired.pem"), key: join(folder, "expired-key.pem") };
  const request = join(folder, "expired.csr");
  const config = join(folder, "ca.cnf");
  writeFileSync(
    config,
    [
      "[ca]\ndefault_ca=own",
      `[own]\nnew_certs_dir=${folder}\ndatabase=${folder}/index.txt\nserial=${folder}/serial`,
      "default_md=sha256\npolicy=names\n[names]\ncommonName=supplied",
      "[names_of]\nsubjectAltName=IP:127.0.0.1",
    ].join("\n"),
  );
  writeFileSync(join(folder, "index.txt"), "");
  writeFileSync(join(folder, "serial"), "01");
  const openssl = (words: string, more: readonly string[]) =>
    execFileSync("openssl", [...words.split(" "), ...more], { stdio: "ignore" });
  openssl("req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=expired", [
    "-keyout",
    files.key,
    "-out",
    request,
  ]);
  const span = "-startdate 20200101000000Z -enddate 20210101000000Z";
  openssl(`ca -batch -notext -extensions names_of ${span}`, [
    "-config",
    config,
    "-cert",
    authority.certificate,
    "-keyfile",
    join(folder, "ca-key.pem"),
    "-in",
    request,
    "-out",
    files.certificate,
  ]);
  return files;
};

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    if (server instanceof HttpServer || server instanceof HttpsServer) server.closeAllConnections();
  }
});

const listen = async (server: Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  servers.push(server);
  return (server.address() as AddressInfo).port;
};
const serveTls = (options: ServerOptions): Promise<number> =>
  listen(createServer(options, (_, answer) => answer.end(`"127.0.0.1:4647"`)));

/** How one call fails, and what the doctor makes of it. */
const meet = async (address: string, tls: TlsFiles): Promise<Explanation> => {
  const secrets = { read: async (id?: string) => id, refresh: () => undefined };
  const url = new URL(address);
  const api = connectClusterApi(
    {
      env: {},
      clock: systemClock,
      random: Math.random,
      connect: connectOverTls,
      write: () => undefined,
    },
    secrets,
    {
      service: "Nomad",
      address: url,
      secrets: {
        ca: tls.ca,
        clientCertificate: tls.clientCertificate,
        clientKey: tls.clientKey,
      },
    },
  );
  const contact = {
    service: "Nomad" as const,
    address: url,
    hasCa: tls.ca !== undefined,
    hasClientCertificate: tls.clientCertificate !== undefined,
  };
  try {
    await api.call({ method: "GET", path: "/v1/status/leader" });
  } catch (error) {
    assert.ok(error instanceof ClusterFailure);
    return explainFailure(contact, error);
  }
  return { what: "an answer", remedy: "" };
};

describe("a real connection", () => {
  let ca: string;
  let server: CertificateFiles;
  let client: CertificateFiles;
  let elsewhere: CertificateFiles;
  let expired: CertificateFiles;
  let foreign: CertificateFiles;

  before(async () => {
    const authority = await createCertificateAuthority(folder);
    ca = text(authority.certificate);
    server = await authority.issue("server", ["IP:127.0.0.1"]);
    client = await authority.issue("client", []);
    elsewhere = await authority.issue("elsewhere", ["DNS:other.internal"]);
    expired = issueExpired(authority);
    const other = mkdtempSync(join(folder, "other-"));
    foreign = await (await createCertificateAuthority(other)).issue("foreign", ["IP:127.0.0.1"]);
  });

  const own = () => ({
    ca,
    clientCertificate: text(client.certificate),
    clientKey: text(client.key),
  });
  const strict = () => ({ ...pair(server), ca, requestCert: true, rejectUnauthorized: true });

  it("that is right gets its answer", async () => {
    const port = await serveTls(strict());
    assert.equal((await meet(`https://127.0.0.1:${port}`, own())).what, "an answer");
  });

  it("without the CA, and with the CA of others", async () => {
    const port = await serveTls(pair(server));
    const none = await meet(`https://127.0.0.1:${port}`, {});
    assert.match(none.what, /is not trusted/);
    assert.match(none.remedy, /give the CA .* as nomad\.tls\.ca/);
    const other = await serveTls(pair(foreign));
    const wrong = await meet(`https://127.0.0.1:${other}`, { ca });
    assert.match(wrong.what, /is not trusted/);
    assert.match(wrong.remedy, /another one is there/);
  });

  it("to a server whose certificate is for another name", async () => {
    const port = await serveTls(pair(elsewhere));
    const { what, remedy } = await meet(`https://127.0.0.1:${port}`, { ca });
    assert.match(what, /is for another name/);
    assert.match(remedy, /127\.0\.0\.1 as an alternative name/);
  });

  it("to a server whose certificate has expired", async () => {
    const port = await serveTls(pair(expired));
    assert.match((await meet(`https://127.0.0.1:${port}`, { ca })).what, /has expired/);
  });

  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    it(`without the client certificate that is asked for (${version})`, async () => {
      const port = await serveTls({ ...strict(), maxVersion: version });
      const { what, remedy } = await meet(`https://127.0.0.1:${port}`, { ca });
      assert.match(what, /asks for a client certificate, and Drover has none|is cut/);
      // The alert may lose its race against the end of the connection.
      assert.match(remedy, /nomad\.tls\.clientCertificate|may also want a client certificate/);
    });
  }

  it("with a certificate and a key that do not belong together", async () => {
    const port = await serveTls(strict());
    const mixed = { ...own(), clientKey: text(server.key) };
    assert.match((await meet(`https://127.0.0.1:${port}`, mixed)).what, /do not belong together/);
  });

  it("with something else than PEM", async () => {
    const port = await serveTls(strict());
    const broken = { ...own(), clientCertificate: "not a certificate" };
    const { what, remedy } = await meet(`https://127.0.0.1:${port}`, broken);
    assert.match(what, /no usable PEM/);
    assert.match(remedy, /nomad\.tls/);
  });

  it("to a port where nothing listens", async () => {
    const port = await serveTls(pair(server));
    const [last] = servers.splice(0);
    await new Promise((resolve) => last?.close(resolve));
    const { what, remedy } = await meet(`https://127.0.0.1:${port}`, { ca });
    assert.match(what, /nothing listens on port \d+/);
    assert.match(remedy, /nomad\.address/);
  });

  it("with TLS to a port without, and the other way round", async () => {
    const plain = await listen(createHttpServer((_, answer) => answer.end(`""`)));
    assert.match((await meet(`https://127.0.0.1:${plain}`, { ca })).what, /speaks no TLS/);
    const secure = await serveTls(pair(server));
    const { what } = await meet(`http://127.0.0.1:${secure}`, {});
    assert.match(what, /is cut|wants TLS/);
  });

  it("that is cut before there is an answer", async () => {
    const port = await listen(
      createTcpServer((socket) => socket.once("data", () => socket.resetAndDestroy())),
    );
    const { what } = await meet(`http://127.0.0.1:${port}`, {});
    assert.match(what, /is cut/);
  });
});
