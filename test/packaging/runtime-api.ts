import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** What a function said about one event. */
export interface Answer {
  readonly kind: "response" | "error" | "init error";
  readonly body: unknown;
}

/** The error that Lambda's client reports, as Step Functions gets to see it. */
export interface ReportedError {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace: readonly string[];
}

/** Lambda's Runtime API for one function, on loopback. */
export interface RuntimeApi {
  /** Host and port. */
  readonly address: string;
  /** Gives the function an event and waits for what it says, or for its failure to start. */
  readonly invoke: (event: unknown) => Promise<Answer>;
  readonly close: () => Promise<void>;
}

const prefix = "/2018-06-01/runtime";

const send = (response: ServerResponse, status: number, body: unknown, headers = {}): void => {
  const payload = JSON.stringify(body);
  response.writeHead(status, {
    // The client waits for ever on an answer without these two.
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(payload),
    ...headers,
  });
  response.end(payload);
};

/**
 * Serves AWS's "Lambda runtime API" (AWS Lambda Developer Guide): `next`, `response`, `error`
 * and `init/error`, for one event at a time.
 */
export const startRuntimeApi = async (timeoutSeconds: number): Promise<RuntimeApi> => {
  let waiting: ServerResponse | undefined;
  let event: { readonly id: string; readonly body: unknown } | undefined;
  let answered: ((answer: Answer) => void) | undefined;
  let count = 0;

  const handOut = () => {
    if (!waiting || !event) return;
    send(waiting, 200, event.body, {
      "Lambda-Runtime-Aws-Request-Id": event.id,
      "Lambda-Runtime-Deadline-Ms": Date.now() + timeoutSeconds * 1000,
      "Lambda-Runtime-Invoked-Function-Arn":
        "arn:aws:lambda:eu-west-1:123456789012:function:packaged",
      "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0",
    });
    waiting = undefined;
  };
  const take = async (
    kind: Answer["kind"],
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> => {
    const body: unknown = JSON.parse(await text(request));
    send(response, 202, { status: "OK" });
    answered?.({ kind, body });
    answered = event = undefined;
  };
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    if (path === `${prefix}/invocation/next`) {
      waiting = response;
      handOut();
    } else if (path === `${prefix}/init/error`) void take("init error", request, response);
    else if (event && path === `${prefix}/invocation/${event.id}/response`) {
      void take("response", request, response);
    } else if (event && path === `${prefix}/invocation/${event.id}/error`) {
      void take("error", request, response);
    } else send(response, 404, { errorType: "UnknownPath", errorMessage: path });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    invoke: (body) => {
      count += 1;
      event = { id: `00000000-0000-4000-8000-${String(count).padStart(12, "0")}`, body };
      const answer = new Promise<Answer>((resolve) => {
        answered = resolve;
      });
      handOut();
      return answer;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
};
