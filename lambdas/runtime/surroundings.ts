import type { HttpHandler } from "@smithy/protocol-http";
import { connectOverTls } from "../clients/tls.ts";
import { type Clock, systemClock } from "./clock.ts";

/** PEM texts for a connection to Nomad or Consul; what is absent is the system's default. */
export interface TlsFiles {
  readonly ca?: string | undefined;
  readonly clientCertificate?: string | undefined;
  readonly clientKey?: string | undefined;
}

/**
 * Everything of the outside that a handler may touch. On Lambda these are the
 * real ones; the embedded world and the tests bring their own.
 */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Between 0 and 1, as `Math.random`; seeded in the embedded world. */
  readonly random: () => number;
  /** Carries the calls of every AWS client; by default the SDK's own handler. */
  readonly awsHandler?: HttpHandler | undefined;
  /** Makes the connection to Nomad or Consul; called again when a secret has changed. */
  readonly connect: (tls: TlsFiles) => HttpHandler;
  /** Takes one line of JSON: a log record or a metric. */
  readonly write: (line: string) => void;
}

/** The surroundings of a function on Lambda. */
export const lambdaSurroundings = (): Surroundings => ({
  env: process.env,
  clock: systemClock,
  random: Math.random,
  connect: connectOverTls,
  write: (line) => process.stdout.write(`${line}\n`),
});
