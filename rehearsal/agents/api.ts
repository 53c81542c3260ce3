import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { text } from "node:stream/consumers";
import type { TlsMaterial } from "./certificates.ts";

/** An agent's answer with any status. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: string;
}

/** An agent answered with something other than success. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;

  constructor(call: string, answer: ApiAnswer) {
    super(`${call}: ${answer.status} ${answer.body}`);
    this.status = answer.status;
  }
}

/** Calls of one agent with one token over mutual TLS. */
export interface Api {
  /** The answer, whatever its status. */
  send(method: string, path: string, body?: unknown): Promise<ApiAnswer>;

  /**
   * The parsed body; `undefined` for an empty one.
   *
   * @throws ApiError if the status is not 2xx
   */
  call<T>(method: string, path: string, body?: unknown): Promise<T>;

  close(): void;
}

const tokenHeaders = { nomad: "X-Nomad-Token", consul: "X-Consul-Token" };

/** @param token - a secret id; leave it out to call anonymously */
export const createApi = (options: {
  readonly kind: keyof typeof tokenHeaders;
  readonly address: string;
  readonly tls: TlsMaterial;
  readonly token?: string;
}): Api => {
  const agent = new Agent({
    keepAlive: true,
    ca: options.tls.ca,
    cert: options.tls.clientCertificate,
    key: options.tls.clientKey,
  });
  const headers = {
    "Content-Type": "application/json",
    ...(options.token === undefined ? {} : { [tokenHeaders[options.kind]]: options.token }),
  };

  const send = async (method: string, path: string, body?: unknown): Promise<ApiAnswer> => {
    const outgoing = request(new URL(path, options.address), { method, headers, agent });
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once("response", resolve);
      outgoing.once("error", reject);
    });
    return { status: incoming.statusCode ?? 0, body: await text(incoming) };
  };
  return {
    send,
    call: async <T>(method: string, path: string, body?: unknown) => {
      const answer = await send(method, path, body);
      if (answer.status < 200 || answer.status > 299)
        throw new ApiError(`${method} ${path}`, answer);
      const parsed: T = answer.body === "" ? undefined : JSON.parse(answer.body);
      return parsed;
    },
    close: () => agent.destroy(),
  };
};
