import { once } from "node:events";
import type { IncomingHttpHeaders } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";

/** A server of others, from which machines get binaries. */
export interface Downloads {
  /** `https://127.0.0.1:…` */
  readonly origin: string;
  /** Contents, or `{ to }` for a redirect, by their paths. */
  readonly paths: Map<string, string | { readonly to: string }>;
  /** What came with each request. */
  readonly asked: IncomingHttpHeaders[];
}

/** Starts one with a certificate, on the loopback interface. */
export const startDownloads = async (
  context: { after: (done: () => Promise<void>) => void },
  certificate: { readonly cert: string; readonly key: string },
): Promise<Downloads> => {
  const paths: Downloads["paths"] = new Map();
  const asked: IncomingHttpHeaders[] = [];
  const server = createServer(certificate, (request, response) => {
    asked.push(request.headers);
    const found = paths.get(request.url ?? "");
    if (found === undefined) response.writeHead(404).end();
    else if (typeof found === "string") response.end(found);
    else response.writeHead(302, { location: found.to }).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return { origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, paths, asked };
};
