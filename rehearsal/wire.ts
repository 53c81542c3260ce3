import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";

import { HttpResponse } from "@smithy/protocol-http";
import type { HttpHandler, HttpHandlerOptions, HttpRequest } from "@smithy/protocol-http";

import type { Clock } from "../lambdas/runtime/clock.ts";
import { abortAfter } from "../lambdas/runtime/clock.ts";
import { isS3Host, readCall } from "./emulators/s3/address.ts";
import type { Service } from "./emulators/service.ts";

/** A call that a client made, as the invariants and the cost model count it. */
export interface Call {
  readonly host: string;
  /** First label of an AWS host (`autoscaling`, `dynamodb`, …), else the whole host. */
  readonly service: string;
  /** The AWS operation; for other services method and path. */
  readonly operation: string;
  /** HTTP status, or what came instead of an answer. */
  readonly status: number | "aborted" | "timed out" | "failed";
}

export interface WireOptions {
  readonly clock: Clock;
  /** Longest time for an answer in milliseconds, if the client states none; 0 means any time. */
  readonly requestTimeout?: number;
  /** Told of each call once it is over. */
  readonly onCall?: (call: Call) => void;
  /**
   * Comes before the service and may delay the call, answer in its place or
   * throw: a fault. `undefined` lets the call through.
   */
  readonly intercept?: (
    call: Omit<Call, "status">,
    request: Request,
  ) => Response | undefined | Promise<Response | undefined>;
}

const named = (name: string, message: string, cause?: unknown): Error =>
  Object.assign(new Error(message, { cause }), { name });

/** An answer as `NodeHttpHandler` gives it: its body is a stream. */
export const answerWith = (
  statusCode: number,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
  reason?: string,
): HttpResponse =>
  new HttpResponse({
    statusCode,
    ...(reason !== undefined && { reason }),
    headers: { ...headers },
    body: Readable.from([typeof body === "string" ? new TextEncoder().encode(body) : body], {
      objectMode: false,
    }),
  });

/**
 * A request handler for SDK clients (and for every client that takes a Smithy
 * `HttpHandler`) that calls a service in the same process. It fails as
 * `NodeHttpHandler` does: `AbortError` when the caller gives up, `TimeoutError`
 * when the clock does. The service then sees its request's signal abort, and
 * what it has already done stays done. The answer's body is a stream, as there.
 */
export const serveInProcess = (service: Service, options: WireOptions): HttpHandler => ({
  metadata: { handlerProtocol: "http/1.1" },
  destroy: () => undefined,
  updateHttpClientConfig: () => undefined,
  httpHandlerConfigs: () => ({}),
  handle: async (request: HttpRequest, handlerOptions: HttpHandlerOptions = {}) => {
    const call = describeCall(request);
    const report = (status: Call["status"]) => options.onCall?.({ ...call, status });
    const limit = handlerOptions.requestTimeout ?? options.requestTimeout ?? 0;
    const timeout = limit > 0 ? abortAfter(options.clock, limit) : undefined;
    const { abortSignal } = handlerOptions;
    const given = abortSignal instanceof AbortSignal ? abortSignal : undefined;
    const signals = [timeout?.signal, given].filter((signal) => signal !== undefined);
    const hungUp = whenAborted(signals);
    try {
      if (hungUp?.signal.aborted) throw hungUp.signal.reason;
      const sent = request.body instanceof Readable ? await buffer(request.body) : request.body;
      const fetched = toFetchRequest(request, sent, hungUp?.signal);
      const answer = (async () => {
        const response =
          (await options.intercept?.(call, fetched.clone())) ?? (await service(fetched));
        return { response, body: new Uint8Array(await response.arrayBuffer()) };
      })();
      const { response, body } = await (hungUp ? Promise.race([answer, hungUp.promise]) : answer);
      report(response.status);
      return {
        response: answerWith(
          response.status,
          body,
          Object.fromEntries(response.headers),
          response.statusText,
        ),
      };
    } catch (error) {
      if (given?.aborted) {
        report("aborted");
        throw named("AbortError", "Request aborted", given.reason);
      }
      if (timeout?.signal.aborted) {
        report("timed out");
        throw named("TimeoutError", `no answer from ${call.host} within ${limit} ms`, error);
      }
      report("failed");
      throw unwrap(error);
    } finally {
      timeout?.cancel();
      hungUp?.disarm();
    }
  },
});

/** What the connection met: `fetch` wraps it, and `NodeHttpHandler` does not. */
const unwrap = (error: unknown): unknown =>
  error instanceof TypeError && error.cause instanceof Error && "code" in error.cause
    ? error.cause
    : error;

/** One signal for several, and a promise that rejects with it. Undefined for none. */
const whenAborted = (signals: readonly AbortSignal[]) => {
  if (signals.length === 0) return undefined;
  const controller = new AbortController();
  const abort = () => controller.abort(signals.find((signal) => signal.aborted)?.reason);
  const promise = new Promise<never>((_, reject) => {
    controller.signal.addEventListener("abort", () => reject(controller.signal.reason));
  });
  promise.catch(() => undefined);
  for (const signal of signals) signal.addEventListener("abort", abort, { once: true });
  if (signals.some((signal) => signal.aborted)) abort();
  const disarm = () => {
    for (const signal of signals) signal.removeEventListener("abort", abort);
  };
  return { signal: controller.signal, promise, disarm };
};

/** What a request is for: whom it calls, and what it asks of it. */
export const describeCall = (request: HttpRequest): Omit<Call, "status"> => {
  const host = request.port ? `${request.hostname}:${request.port}` : request.hostname;
  if (isS3Host(request.hostname)) {
    const { operation } = readCall(request.method, new URL(toUrl(request)));
    return { host, service: "s3", operation: operation ?? `${request.method} ${request.path}` };
  }
  const isAws = request.hostname.endsWith(".amazonaws.com");
  const service = isAws ? request.hostname.slice(0, request.hostname.indexOf(".")) : host;
  const target = request.headers["x-amz-target"];
  const action =
    typeof request.body === "string" ? /^Action=(\w+)/.exec(request.body)?.[1] : undefined;
  const operation =
    target?.slice(target.lastIndexOf(".") + 1) ?? action ?? `${request.method} ${request.path}`;
  return { host, service, operation };
};

const encode = (text: string): string =>
  encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );

/** Where a request goes, with its parameters. */
export const toUrl = (request: HttpRequest): string => {
  const pairs: string[] = [];
  for (const [name, value] of Object.entries(request.query ?? {})) {
    const values = Array.isArray(value) ? value : [value];
    for (const each of values)
      pairs.push(each === null ? encode(name) : `${encode(name)}=${encode(each)}`);
  }
  const port = request.port ? `:${request.port}` : "";
  const query = pairs.length > 0 ? `?${pairs.join("&")}` : "";
  return `${request.protocol}//${request.hostname}${port}${request.path}${query}`;
};

const toFetchRequest = (
  request: HttpRequest,
  body: unknown,
  signal: AbortSignal | undefined,
): Request => {
  if (body !== undefined && typeof body !== "string" && !(body instanceof Uint8Array))
    throw new TypeError(`the wire takes text or bytes as a body, not ${typeof body}`);
  return new Request(toUrl(request), {
    method: request.method,
    headers: request.headers,
    ...(body !== undefined && body.length > 0
      ? { body: body as NonNullable<RequestInit["body"]> }
      : {}),
    ...(signal ? { signal } : {}),
  });
};

/**
 * Gives each request to the service of its host (`host:port` first, then the
 * host alone, then `*.` and the rest of it for one whose first label is a
 * bucket). A request to an address that nobody serves finds its service by
 * the scope of its AWS signature, so that one loopback port can serve them all.
 *
 * @throws for an unknown host: a call that the world does not expect is a fault of the test
 */
export const routeByHost =
  (services: Readonly<Record<string, Service>>): Service =>
  async (request) => {
    const { host, hostname } = new URL(request.url);
    const service =
      services[host] ??
      services[hostname] ??
      services[hostname.replace(/^[^.]+/, "*")] ??
      services[hostOfScope(request) ?? ""];
    if (service === undefined) throw new Error(`nobody serves ${host} (${request.url})`);
    return service(request);
  };

const hostOfScope = (request: Request): string | undefined => {
  const authorization = request.headers.get("authorization") ?? "";
  const scope = /Credential=[^/]+\/\d+\/([\w-]+)\/([\w-]+)\/aws4_request/.exec(authorization);
  return scope ? `${scope[2]}.${scope[1]}.amazonaws.com` : undefined;
};

/**
 * Serves over HTTP. An exception of the service becomes a 500 with its message.
 *
 * @param address - by default the loopback interface and any free port
 */
export const serveOverHttp = async (
  service: Service,
  address: { readonly host?: string; readonly port?: number } = {},
): Promise<{ readonly url: string; readonly close: () => Promise<void> }> => {
  const server = createServer((incoming, outgoing) => {
    answer(service, incoming, outgoing).catch((error: unknown) => {
      if (!outgoing.headersSent) outgoing.writeHead(500, { "content-type": "text/plain" });
      outgoing.end(String(error));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(address.port ?? 0, address.host ?? "127.0.0.1", resolve);
  });
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("the server has no TCP port");
  return {
    url: `http://${bound.address}:${bound.port}`,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
};

const answer = async (
  service: Service,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> => {
  const hungUp = new AbortController();
  outgoing.once("close", () => hungUp.abort());
  const body = await buffer(incoming);
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers))
    headers.set(name, Array.isArray(value) ? value.join(", ") : (value ?? ""));
  const response = await service(
    new Request(`http://${incoming.headers.host ?? "localhost"}${incoming.url ?? "/"}`, {
      method: incoming.method ?? "GET",
      headers,
      signal: hungUp.signal,
      ...(body.length > 0 ? { body } : {}),
    }),
  );
  outgoing.writeHead(response.status, response.statusText, Object.fromEntries(response.headers));
  if (response.body) await pipeline(Readable.fromWeb(response.body), outgoing);
  else outgoing.end();
};
