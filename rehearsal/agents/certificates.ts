import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { hasCode } from "./errno.ts";

const run = promisify(execFile);

/** Files of one certificate and its key. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate authority that exists as long as its folder does. */
export interface CertificateAuthority {
  /** The path of the authority's own certificate. */
  readonly certificate: string;

  /**
   * Issues a certificate for both ends of a connection.
   *
   * @param name - of the files and the subject
   * @param alternatives - as OpenSSL writes them: `DNS:server.eu.nomad`, `IP:127.1.2.3`
   */
  issue(name: string, alternatives: readonly string[]): Promise<CertificateFiles>;
}

/** PEM texts that let an HTTP client in. */
export interface TlsMaterial {
  readonly ca: string;
  readonly clientCertificate: string;
  readonly clientKey: string;
}

const newCertificate =
  "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30".split(" ");
const authorityUse =
  "-addext basicConstraints=critical,CA:TRUE -addext keyUsage=keyCertSign,cRLSign".split(" ");
const bothEndsUse =
  "-addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=serverAuth,clientAuth".split(
    " ",
  );

const openssl = async (args: readonly string[]): Promise<void> => {
  try {
    await run("openssl", [...args]);
  } catch (error) {
    const reason = hasCode(error, "ENOENT") ? ": it is not installed" : "";
    throw new Error(`openssl could not make a certificate${reason}`, { cause: error });
  }
};

/** Makes a new certificate authority. Needs OpenSSL 3 (`req -CA`). */
export const createCertificateAuthority = async (folder: string): Promise<CertificateAuthority> => {
  const certificate = join(folder, "ca.pem");
  const key = join(folder, "ca-key.pem");
  const subject = ["-subj", "/CN=Drover rehearsal CA"];
  await openssl([
    ...newCertificate,
    ...subject,
    ...authorityUse,
    "-keyout",
    key,
    "-out",
    certificate,
  ]);
  return {
    certificate,
    issue: async (name, alternatives) => {
      const files = {
        certificate: join(folder, `${name}.pem`),
        key: join(folder, `${name}-key.pem`),
      };
      const subject = ["-subj", `/CN=${name}`, "-CA", certificate, "-CAkey", key];
      const names =
        alternatives.length === 0 ? [] : ["-addext", `subjectAltName=${alternatives.join(",")}`];
      const output = ["-keyout", files.key, "-out", files.certificate];
      await openssl([...newCertificate, ...subject, ...bothEndsUse, ...names, ...output]);
      return files;
    },
  };
};

/** Issues the certificate with which Drover itself calls the agents, and reads it. */
export const issueClientMaterial = async (
  authority: CertificateAuthority,
): Promise<TlsMaterial> => {
  const files = await authority.issue("drover", []);
  const [ca, clientCertificate, clientKey] = await Promise.all([
    readFile(authority.certificate, "utf8"),
    readFile(files.certificate, "utf8"),
    readFile(files.key, "utf8"),
  ]);
  return { ca, clientCertificate, clientKey };
};
