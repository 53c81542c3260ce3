import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A role's session, as the metadata service hands it out. */
export interface RoleSession {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

/** The instance metadata service of one machine, version 2. */
export interface Metadata {
  readonly endpoint: string;
  /** Values by their path below `/latest/meta-data/`; tests change them. */
  readonly values: Map<string, string>;
  /** Answers this many requests with 503 before it works. */
  sleepsFor: number;
  readonly close: () => Promise<void>;
}

const token = "AQAEAExample_Token-0123456789==";

/**
 * Starts one on the loopback interface. As the real one it wants a token for everything, hands one
 * out for a PUT with a lifetime, and knows of a role whose credentials it gives as JSON.
 */
export const startMetadata = async (session: RoleSession): Promise<Metadata> => {
  const values = new Map<string, string>([
    ["instance-id", "i-0123456789abcdef0"],
    ["instance-type", "m7g.large"],
    ["placement/availability-zone", "eu-west-1a"],
    ["placement/region", "eu-west-1"],
    ["local-ipv4", "10.0.1.17"],
    ["local-hostname", "ip-10-0-1-17.eu-west-1.compute.internal"],
    ["tags/instance/aws:ec2launchtemplate:version", "7"],
    ["iam/security-credentials/", "drover-workers"],
    [
      "iam/security-credentials/drover-workers",
      JSON.stringify(
        {
          Code: "Success",
          LastUpdated: "2026-11-25T10:00:00Z",
          Type: "AWS-HMAC",
          AccessKeyId: session.accessKeyId,
          SecretAccessKey: session.secretAccessKey,
          Token: session.sessionToken,
          Expiration: "2126-11-25T16:00:00Z",
        },
        undefined,
        2,
      ),
    ],
  ]);
  const metadata = { endpoint: "", values, sleepsFor: 0, close: async () => {} };
  const server = createServer((request, response) => {
    const answer = (status: number, text: string, headers: Record<string, string> = {}) => {
      response.writeHead(status, { "content-type": "text/plain", ...headers }).end(text);
    };
    const path = decodeURIComponent(request.url ?? "");
    if (metadata.sleepsFor > 0) {
      metadata.sleepsFor -= 1;
      return answer(503, "not yet");
    }
    if (path === "/latest/api/token") {
      const seconds = Number(request.headers["x-aws-ec2-metadata-token-ttl-seconds"]);
      if (request.method !== "PUT") return answer(405, "");
      if (!(seconds >= 1 && seconds <= 21_600)) return answer(400, "");
      return answer(200, token, { "x-aws-ec2-metadata-token-ttl-seconds": String(seconds) });
    }
    if (request.headers["x-aws-ec2-metadata-token"] !== token) return answer(401, "");
    const value = values.get(path.replace("/latest/meta-data/", ""));
    return value === undefined ? answer(404, "") : answer(200, value);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  metadata.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  metadata.close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return metadata;
};
