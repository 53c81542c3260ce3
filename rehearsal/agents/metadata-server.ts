import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/** The one port of the metadata servers; each listens on the address of its instance. */
const port = 1338;

/** What EC2 tells an instance about itself, by path under `/latest/meta-data/`. */
export type InstanceMetadata = Readonly<Record<string, string>>;

/** A metadata server for one instance. */
export interface MetadataServer {
  /** For the environment variable `AWS_ENV_URL` of Nomad. */
  readonly url: string;
  close(): void;
}

/** Composes the metadata of an instance of no particular account. */
export const describeInstance = (instanceId: string, address: string): InstanceMetadata => {
  const hostname = `ip-${address.replaceAll(".", "-")}.eu-west-1.compute.internal`;
  return {
    "ami-id": "ami-0d20e0c0ffee00000",
    "instance-id": instanceId,
    "instance-life-cycle": "on-demand",
    "instance-type": "m5.large",
    hostname,
    "local-hostname": hostname,
    "local-ipv4": address,
    "placement/availability-zone": "eu-west-1a",
  };
};

const answer = (
  metadata: InstanceMetadata,
  token: string,
  request: IncomingMessage,
  response: ServerResponse,
): void => {
  const end = (status: number, body = "") => {
    response.writeHead(status, { "Content-Type": "text/plain" }).end(body);
  };
  const path = request.url ?? "/";
  if (path === "/latest/api/token") {
    if (request.method !== "PUT") return end(405);
    const seconds = request.headers["x-aws-ec2-metadata-token-ttl-seconds"];
    if (seconds === undefined) return end(400);
    response.setHeader("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", seconds);
    return end(200, token);
  }
  // Version 2 of the service only, as Drover's machines have it.
  if (request.headers["x-aws-ec2-metadata-token"] !== token) return end(401);
  const value = metadata[path.replace(/^\/latest\/meta-data\//, "")];
  return value === undefined ? end(404) : end(200, value);
};

/**
 * Starts a metadata server on the instance's own address. There is one for each instance because
 * Nomad's client keeps only host and port of `AWS_ENV_URL` (the AWS SDK in it drops the path), so
 * that no path could say which instance asks.
 */
export const startMetadataServer = async (
  instanceId: string,
  address: string,
): Promise<MetadataServer> => {
  const metadata = describeInstance(instanceId, address);
  const token = randomUUID();
  const server = createServer((request, response) => answer(metadata, token, request, response));
  server.unref();
  server.listen(port, address);
  await once(server, "listening");
  return {
    url: `http://${address}:${port}/latest/meta-data/`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
};
