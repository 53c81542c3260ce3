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
  /** 404, of the service itself. */
  | "missing"
  /** They did not understand the request (other 4xx): a fault of ours. */
  | "rejected";

export class ClusterFailure extends Error {
  override readonly name = "ClusterFailure";
  readonly service: ClusterService;
  readonly kind: FailureKind;
  readonly status: number | undefined;
  /** What kind of error the connection met, such as `ECONNREFUSED`. */
  readonly code: unknown;
  /** What the service said, shortened. */
  readonly text: string;

  constructor(
    service: ClusterService,
    kind: FailureKind,
    call: string,
    answer: { status?: number; text: string; code?: unknown },
  ) {
    const said = answer.text.trim().slice(0, 300);
    super(`${service} ${kind} at ${call}${answer.status ? ` (${answer.status})` : ""}: ${said}`);
    this.service = service;
    this.kind = kind;
    this.status = answer.status;
    this.code = answer.code;
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

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
const codeOf = (error: unknown): unknown => (error as { code?: unknown } | undefined)?.code;

/** A handshake that failed: perhaps a certificate has been rotated. Nothing was sent then. */
const isTlsFailure = (code: unknown): boolean =>
  typeof code === "string" &&
  /^(ERR_SSL|ERR_TLS|CERT_|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED|EPROTO)/.test(code);

/** By which proxies say that they did not wait any longer, as others do with 504; not Nomad's, nor Consul's. */
const impatience: ReadonlySet<number> = new Set([408, 425, 499]);

/** So Nomad answers a token that it does not know and that asks about itself, with 404 or 500 (tried). */
const isUnknownToken = (text: string): boolean =>
  /^\s*(ACL token not found|acl token lookup failed)/i.test(text);

/**
 * @param isTheirs - whether the answer carries the index of their state, as every
 *   answer about a thing does, also that there is none (tried on Nomad 1.6.1)
 */
const kindOf = (status: number, text: string, isTheirs: boolean): FailureKind => {
  if (status === 403 || isUnknownToken(text)) return "refused";
  if (status === 429) return "busy";
  // A load balancer or a proxy that finds nothing must not pass for a node that is gone.
  if (status === 404) return isTheirs ? "missing" : "unreachable";
  if (status >= 500 || status < 400 || impatience.has(status)) return "unreachable";
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

  const readSecrets = () =>
    Promise.all([
      secrets.read(props.secrets.token),
      secrets.read(props.secrets.ca),
      secrets.read(props.secrets.clientCertificate),
      secrets.read(props.secrets.clientKey),
    ]);

  const send = async (call: ApiCall, handler: HttpHandler, token: string | undefined) => {
    const seconds = answerSeconds + (call.holdSeconds ?? 0);
    const { signal, cancel } = abortAfter(clock, seconds * 1000);
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
      return { status: response.statusCode, headers: response.headers, text };
    } catch (error) {
      if (signal.aborted) throw new Error(`no answer within ${seconds} s`, { cause: error });
      throw error;
    } finally {
      cancel();
    }
  };

  const attempt = async <T>(call: ApiCall): Promise<ApiAnswer<T>> => {
    let token: string | undefined;
    /** Nothing that was said may carry the token further, into logs and histories. */
    const fail = (
      kind: FailureKind,
      text: string,
      more: { status?: number; code?: unknown } = {},
    ) =>
      new ClusterFailure(props.service, kind, `${call.method} ${call.path}`, {
        ...(more.status !== undefined && { status: more.status }),
        text: token ? text.replaceAll(token, "<the token>") : text,
        code: more.code,
      });

    let handler: HttpHandler;
    try {
      const [first, ca, clientCertificate, clientKey] = await readSecrets();
      token = first;
      handler = connect({ ca, clientCertificate, clientKey });
    } catch (error) {
      // Not an error of the task: whoever waits out an outage waits out this one too.
      throw fail("unreachable", `Secrets Manager gives no secret for it: ${messageOf(error)}`);
    }
    let answer: Awaited<ReturnType<typeof send>>;
    try {
      answer = await send(call, handler, token);
    } catch (error) {
      throw fail("unreachable", messageOf(error), { code: codeOf(error) });
    }
    const { status, headers, text } = answer;
    const index = headers[`x-${props.service.toLowerCase()}-index`];
    if (status < 200 || status > 299) {
      throw fail(kindOf(status, text, index !== undefined), text, { status });
    }
    try {
      return { body: (text ? JSON.parse(text) : undefined) as T, index: Number(index ?? 0) };
    } catch {
      // The parser's message would quote the answer, which may hold a token.
      throw fail("unreachable", "the answer is no JSON", { status });
    }
  };

  return {
    async call<T>(call: ApiCall) {
      try {
        return await attempt<T>(call);
      } catch (error) {
        if (!(error instanceof ClusterFailure)) throw error;
        if (error.kind !== "refused" && !isTlsFailure(error.code)) throw error;
        secrets.refresh();
        return attempt<T>(call);
      }
    },
  };
};
