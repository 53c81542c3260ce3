import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";

import { type HttpHandler, type HttpRequest, HttpResponse } from "@smithy/protocol-http";

import type { HandlerModule } from "../../rehearsal/world/handlers.ts";
import { findHandler } from "../../rehearsal/world/handlers.ts";

/** A call that a function made to an AWS service of the JSON protocol, and how it was answered. */
export interface RecordedCall {
  /** `DynamoDB_20120810.UpdateItem` */
  readonly target: string;
  readonly body: string;
  readonly status: number;
  readonly answer: Readonly<Record<string, unknown>>;
}

const textOf = (body: unknown): string =>
  typeof body === "string" ? body : new TextDecoder().decode(body as Uint8Array);

const watch = (handler: HttpHandler, calls: RecordedCall[]): HttpHandler => ({
  ...handler,
  async handle(request: HttpRequest, options) {
    const { response } = await handler.handle(request, options);
    const bytes = await buffer(response.body as Readable);
    const target = request.headers["x-amz-target"];
    if (target !== undefined)
      calls.push({
        target,
        body: textOf(request.body),
        status: response.statusCode,
        answer: JSON.parse(bytes.toString()) as Record<string, unknown>,
      });
    return {
      response: new HttpResponse({
        statusCode: response.statusCode,
        headers: response.headers,
        body: Readable.from([bytes], { objectMode: false }),
      }),
    };
  },
});

/** The handlers of the repository, with their calls to AWS recorded in the order of their answers. */
export const recordCalls = () => {
  const calls: RecordedCall[] = [];
  const handlers = (task: string): HandlerModule => {
    const { createHandler } = findHandler(task);
    return {
      createHandler: (surroundings) =>
        createHandler({
          ...surroundings,
          ...(surroundings.awsHandler && { awsHandler: watch(surroundings.awsHandler, calls) }),
        }),
    };
  };
  return { calls, handlers };
};
