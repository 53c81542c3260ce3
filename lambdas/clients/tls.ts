import { Agent } from "node:https";
import type { HttpHandler } from "@smithy/protocol-http";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import type { TlsFiles } from "../runtime/surroundings.ts";

/**
 * A connection that trusts the given CA and shows the client certificate.
 *
 * A function container handles one event at a time and makes at most a few
 * calls at once, so it holds few of the 100 connections that a Nomad server
 * gives to one address (`http_max_conns_per_client`).
 */
export const connectOverTls = (tls: TlsFiles): HttpHandler =>
  new NodeHttpHandler({
    connectionTimeout: 5_000,
    httpsAgent: new Agent({
      keepAlive: true,
      maxSockets: 4,
      ca: tls.ca,
      cert: tls.clientCertificate,
      key: tls.clientKey,
    }),
  });
