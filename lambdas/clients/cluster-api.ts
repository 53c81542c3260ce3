import { HttpRequest, type HttpHandler } from "@smithy/protocol-http";
import { abortAfter } from "../runtime/clock.ts";
import type { Surroundings, TlsFiles } from "../runtime/surroundings.ts";
import type { Secrets } from "./secrets.ts";

/** Why Nomad or Consul gave no answer that a caller can use. */
export type FailureKind =
  /** No connection, no leader, no answer in time, or an error of theirs. */
  | "unreachable"
  /** The token may not do this (403), also after it was read again. */
  | "refused"
  /** Too many connections (429): not an error, but a reason to come back later. */
  | "busy"
  /** 404. */
  | "missing"
  /** They did not understand the request (other 4xx): a fault of ours. */
  | "rejected";

export class ClusterFailure extends Error {
  override readonly name = "ClusterFailure";
  readonly service: ClusterService;
  readonly kind: FailureKind;
  readonly status: number | undefined;
  /** What the service said, shortened. */
  readonly text: string;

  constructor(
    service: ClusterService,
    kind: FailureKind,
    call: string,
    answer: { status?: number; text: string; cause?: unknown },
  ) {
    const said = answer.text.trim().slice(0, 300);
    super(`${service} ${kind} at ${call}${answer.status ? ` (${answer.status})` : ""}: ${said}`, {
      cause: answer.cause,
    });
    this.service = service;
    this.kind = kind;
    this.status = answer.status;
    this.text = said;
  }
}

export type ClusterService = "Nomad" | "Consul";

export interface ApiCall {
  readonly method: "GET" | "PUT";
  /** Path and parameters, percent-encoded by the caller where needed. */
  readonly path: string;
  readonly query?: Record<string, string>;
  readonly body?: unknown;
  /** For a blocking query: how long the server may hold it. */
  readonly holdSeconds?: number;
}

export interface ApiAnswer<T> {
  readonly body: T;
  /** `X-Nomad-Index` or `X-Consul-Index`; 0 when there is none. */
  readonly index: number;
}

export interface ClusterApi {
  /** @throws ClusterFailure */
  call<T>(call: ApiCall): Promise<ApiAnswer<T>>;
}

export interface ClusterApiProps {
  readonly service: ClusterService;
  readonly address: URL;
  /** Names of the secrets; absent ones are not sent. */
  readonly secrets: {
    readonly token?: string | undefined;
    readonly ca?: string | undefined;
    readonly clientCertificate?: string | undefined;
    readonly clientKey?: string | undefined;
  };
}

/**
 * Answers come within seconds, except that a server without a leader holds a
 * call for five before it says so, and that a load balancer in between may cut
 * after 60.
 */
const answerSeconds = 10;

const readText = async (body: AsyncIterable<Uint8Array> | undefined): Promise<string> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body ?? []) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
};

/** A handshake that failed: perhaps a certificate has been rotated. Nothing was sent then. */
const isTlsFailure = (cause: unknown): boolean => {
  const code = (cause as { code?: unknown } | undefined)?.code;
  return (
    typeof code === "string" &&
    /^(ERR_SSL|ERR_TLS|CERT_|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED|EPROTO)/.test(code)
  );
};

const kindOf = (status: number, text: string): FailureKind => {
  if (status === 403) return "refused";
  if (status === 429) return "busy";
  if (status === 404) return "missing";
  if (status >= 500) return "unreachable";
  // An unknown region is routed nowhere (400 or 500): the address or the region is wrong.
  return /No path to (region|datacenter)/i.test(text) ? "unreachable" : "rejected";
};

/**
 * Calls of one service's HTTP API: the token and the certificates come from
 * Secrets Manager, kept for minutes and read anew once when they are refused or
 * the connection fails, so that they can be rotated without a deploy.
 */
export const connectClusterApi = (
  surroundings: Surroundings,
  secrets: Secrets,
  props: ClusterApiProps,
): ClusterApi => {
  const { clock } = surroundings;
  let connection: { key: string; handler: HttpHandler } | undefined;

  const connect = (tls: TlsFiles): HttpHandler => {
    const key = JSON.stringify(tls);
    if (connection?.key !== key) {
      connection?.handler.destroy?.();
      connection = { key, handler: surroundings.connect(tls) };
    }
    return connection.handler;
  };

  const attempt = async <T>(call: ApiCall): Promise<ApiAnswer<T>> => {
    const [token, ca, clientCertificate, clientKey] = await Promise.all([
      secrets.read(props.secrets.token),
      secrets.read(props.secrets.ca),
      secrets.read(props.secrets.clientCertificate),
      secrets.read(props.secrets.clientKey),
    ]);
    const handler = connect({ ca, clientCertificate, clientKey });
    const name = `${call.method} ${call.path}`;
    const { signal, cancel } = abortAfter(clock, (answerSeconds + (call.holdSeconds ?? 0)) * 1000);
    try {
      const { response } = await handler.handle(
        new HttpRequest({
          protocol: props.address.protocol,
          hostname: props.address.hostname,
          ...(props.address.port && { port: Number(props.address.port) }),
          method: call.method,
          path: call.path,
          query: call.query ?? {},
          headers: {
            host: props.address.host,
            accept: "application/json",
            ...(token && { [`x-${props.service.toLowerCase()}-token`]: token }),
            ...(call.body !== undefined && { "content-type": "application/json" }),
          },
          body: call.body === undefined ? undefined : JSON.stringify(call.body),
        }),
        { abortSignal: signal },
      );
      const text = await readText(response.body as AsyncIterable<Uint8Array> | undefined);
      if (response.statusCode < 200 || response.statusCode > 299) {
        throw new ClusterFailure(props.service, kindOf(response.statusCode, text), name, {
          status: response.statusCode,
          text,
        });
      }
      const index = response.headers[`x-${props.service.toLowerCase()}-index`];
      return { body: (text ? JSON.parse(text) : undefined) as T, index: Number(index ?? 0) };
    } catch (error) {
      if (error instanceof ClusterFailure) throw error;
      const text = error instanceof Error ? error.message : String(error);
      throw new ClusterFailure(props.service, "unreachable", name, { text, cause: error });
    } finally {
      cancel();
    }
  };

  return {
    async call<T>(call: ApiCall) {
      try {
        return await attempt<T>(call);
      } catch (error) {
        if (!(error instanceof ClusterFailure)) throw error;
        if (error.kind !== "refused" && !isTlsFailure(error.cause)) throw error;
        secrets.refresh();
        return attempt<T>(call);
      }
    },
  };
};
