import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** What a custom resource says of itself. */
export interface Answer {
  readonly Status: string;
  readonly Reason?: string;
  readonly PhysicalResourceId: string;
  readonly Data?: Readonly<Record<string, string>>;
}

export interface Taken {
  readonly request: IncomingMessage;
  readonly answer: Answer;
}

/** Where CloudFormation waits for answers. */
export interface CloudFormation {
  readonly url: string;
  /** The last answer, however it was taken. */
  readonly last: () => Taken;
  /** Whether answers are taken from now on. */
  readonly take: (does: boolean) => void;
  readonly end: () => void;
}

export const startCloudFormation = async (): Promise<CloudFormation> => {
  let takes = true;
  let last: Taken | undefined;
  const server = createServer((request, response) => {
    void (async () => {
      last = { request, answer: JSON.parse(await text(request)) as Answer };
      response.writeHead(takes ? 200 : 403).end();
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/answer?signature=1`,
    last: () => last ?? assert.fail("it did not answer"),
    take: (does) => {
      takes = does;
    },
    end: () => server.close(),
  };
};
