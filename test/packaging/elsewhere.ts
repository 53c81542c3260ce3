import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** All the rest of the world, on loopback: it refuses everything and remembers who came. */
export interface Elsewhere {
  /** The environment that leads a function's calls here, whomever they are meant for. */
  readonly env: Readonly<Record<string, string>>;
  /** How often somebody connected, with a request or without. */
  readonly connections: () => number;
  readonly requests: readonly IncomingMessage[];
  readonly close: () => Promise<void>;
}

export const startElsewhere = async (): Promise<Elsewhere> => {
  let connections = 0;
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    // The SDK does not try again after this one.
    response.writeHead(403, { "Content-Type": "application/json" });
    response.end('{"__type":"AccessDeniedException","message":"nobody may do anything here"}');
  });
  server.on("connection", () => {
    connections += 1;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    env: {
      AWS_ENDPOINT_URL: `http://${address}`,
      NOMAD_ADDR: `https://${address}`,
      CONSUL_HTTP_ADDR: `https://${address}`,
    },
    connections: () => connections,
    requests,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
};
