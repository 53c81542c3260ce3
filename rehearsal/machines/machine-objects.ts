import { type HttpHandler, HttpRequest } from "@smithy/protocol-http";
import { buffer } from "node:stream/consumers";
import type { Readable } from "node:stream";
import type { Attempt } from "./persist.ts";

/** The bucket of the bundles as a machine meets it: one request, without a second try. */
export interface MachineObjects {
  /** @param mostBytes - of the answer */
  get(key: string, mostBytes: number): Promise<Attempt<Buffer>>;
  put(key: string, text: string): Promise<Attempt<true>>;
}

/** Milliseconds. */
const patience = 60_000;

/** An answer that is no success, by its status; the body of S3's errors names a code. */
const judge = (status: number, body: Buffer): Attempt<never> => {
  const code = /<Code>([A-Za-z0-9.]+)<\/Code>/.exec(body.toString("latin1"))?.[1];
  const trouble = `answered ${status}${code === undefined ? "" : ` ${code}`}`;
  if (status === 404) return { kind: "absent" };
  if (status === 401 || status === 403) return { kind: "denied", trouble };
  const mayPass = status === 408 || status === 429 || status >= 500;
  return { kind: mayPass ? "transient" : "hopeless", trouble };
};

/** @param aws - carries the requests with the credentials of the machine's role */
export const machineObjects = (
  aws: HttpHandler,
  { bucket, region }: { readonly bucket: string; readonly region: string },
): MachineObjects => {
  const send = async (
    method: "GET" | "PUT",
    key: string,
    mostBytes: number,
    body?: string,
  ): Promise<Attempt<Buffer>> => {
    const request = new HttpRequest({
      method,
      protocol: "https:",
      hostname: `s3.${region}.amazonaws.com`,
      path: `/${bucket}/${key.replaceAll(/[:+=@]/g, encodeURIComponent)}`,
      headers: { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" },
      ...(body !== undefined && { body }),
    });
    try {
      const { response } = await aws.handle(request, { requestTimeout: patience });
      const answer = await buffer(response.body as Readable);
      if (response.statusCode < 200 || response.statusCode > 299)
        return judge(response.statusCode, answer);
      return answer.length > mostBytes
        ? { kind: "hopeless", trouble: `the answer has more than ${mostBytes} bytes` }
        : { kind: "done", value: answer };
    } catch (error) {
      // No connection, no answer, or half of one.
      return { kind: "transient", trouble: String(error) };
    }
  };
  return {
    get: (key, mostBytes) => send("GET", key, mostBytes),
    put: async (key, text) => {
      const ended = await send("PUT", key, 65_536, text);
      return ended.kind === "done" ? { kind: "done", value: true } : ended;
    },
  };
};
