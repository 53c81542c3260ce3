import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  request as send,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

/** What becomes of one request; `undefined` lets it through. */
export type Fault =
  /** An answer of the service in the place of its real one, with the code that S3 gives. */
  | { readonly kind: "answer"; readonly status: number; readonly code: string }
  /** Half of the real answer, and then the connection is gone. */
  | { readonly kind: "cut" }
  /** The connection is gone while the request is still being sent. */
  | { readonly kind: "hang up" }
  /** The real answer, a byte at a time. */
  | { readonly kind: "trickle" }
  /** Nothing, with the connection open. */
  | { readonly kind: "silence" };

export interface Asked {
  readonly method: string;
  /** Below the bucket, as it was sent. */
  readonly key: string;
}

/** A wire to a service over which a test has power. */
export interface Wire {
  readonly endpoint: string;
  /** Every request so far. */
  readonly asked: Asked[];
  fault: (asked: Asked, times: number) => Fault | undefined;
  /** Seconds by which the service's clock is ahead of everybody's; it holds requests to it. */
  ahead: number;
  readonly close: () => Promise<void>;
}

const xml = (code: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>x</Message></Error>`;

/** Whether a signed request is of the service's time, give or take a quarter of an hour. */
const isOfTime = (header: string | string[] | undefined, now: Date): boolean => {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(String(header));
  if (!parts) return false;
  const [year, month, day, hour, minute, second] = parts.slice(1).map(Number);
  const time = Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
  return Math.abs(time - now.getTime()) < 900_000;
};

const trickle = (answer: IncomingMessage, response: ServerResponse) => {
  const bytes: number[] = [];
  answer.on("data", (chunk: Buffer) => bytes.push(...chunk));
  const timer = setInterval(() => {
    const next = bytes.shift();
    if (next !== undefined) response.write(Buffer.of(next));
  }, 100);
  response.once("close", () => clearInterval(timer));
  return answer;
};

/** Starts one on the loopback interface. Requests pass as they are, with the name that was signed. */
export const startWire = async (target: string): Promise<Wire> => {
  const { hostname, port } = new URL(target);
  const times = new Map<string, number>();
  const forward = (
    request: IncomingMessage,
    response: ServerResponse,
    date: string,
    fault: "cut" | "trickle" | undefined,
  ) => {
    const { method, url: path, headers } = request;
    const onward = send({ hostname, port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, { ...answer.headers, date });
      if (fault === undefined) return answer.pipe(response);
      if (fault === "trickle") return trickle(answer, response);
      answer.once("data", (chunk: Buffer) => {
        response.write(chunk.subarray(0, Math.floor(chunk.length / 2)), () => response.destroy());
      });
      return answer;
    });
    onward.on("error", () => response.destroy());
    request.pipe(onward);
  };
  const wire: Wire & { endpoint: string; close: () => Promise<void> } = {
    endpoint: "",
    asked: [],
    fault: () => undefined,
    ahead: 0,
    close: async () => {},
  };
  const server = createServer((request, response) => {
    const asked: Asked = {
      method: request.method ?? "",
      key: (request.url ?? "").replace(/^\/[^/]*\//, ""),
    };
    wire.asked.push(asked);
    const name = `${asked.method} ${asked.key}`;
    times.set(name, (times.get(name) ?? 0) + 1);
    const fault = wire.fault(asked, times.get(name) ?? 1);
    const now = new Date(Date.now() + wire.ahead * 1000);
    const answer = (status: number, code: string) => {
      request.resume();
      const headers = { "content-type": "application/xml", date: now.toUTCString() };
      response.writeHead(status, headers).end(xml(code));
    };
    if (fault?.kind === "answer") return answer(fault.status, fault.code);
    if (fault?.kind === "silence") return undefined;
    if (fault?.kind === "hang up")
      return request.once("data", () => request.destroy()).once("end", () => request.destroy());
    if (!isOfTime(request.headers["x-amz-date"], now)) return answer(403, "RequestTimeTooSkewed");
    return forward(request, response, now.toUTCString(), fault?.kind);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  wire.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  wire.close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return wire;
};
