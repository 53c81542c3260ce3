import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";

import { AwsError } from "../aws-json.ts";

/** What a request carries, with what its sender says of it. */
export interface Payload {
  readonly bytes: Uint8Array;
  /** Verified, by the name of the algorithm (`sha256`), in base64. */
  readonly checksums: Readonly<Record<string, string>>;
}

const hash = (name: string) => (bytes: Uint8Array) =>
  createHash(name).update(bytes).digest("base64");

const big32 = (value: number): string => {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer.toString("base64");
};

/** Those that the SDK sends by itself, and those that Drover asks for. */
const algorithms: Readonly<Record<string, (bytes: Uint8Array) => string>> = {
  crc32: (bytes) => big32(crc32(bytes)),
  sha1: hash("sha1"),
  sha256: hash("sha256"),
};

const prefix = "x-amz-checksum-";
/** Headers with that prefix which are no checksum. */
const others: ReadonlySet<string> = new Set([`${prefix}mode`, `${prefix}algorithm`]);

const lengthOf = (base64: string): number => Buffer.from(base64, "base64").length;

const verify = (bytes: Uint8Array, header: string, given: string): readonly [string, string] => {
  const name = header.slice(prefix.length);
  const calculate = algorithms[name];
  if (calculate === undefined) throw new Error(`the emulator does not calculate ${header}`);
  const right = calculate(bytes);
  if (lengthOf(given) !== lengthOf(right))
    throw new AwsError("InvalidRequest", `Value for ${header} header is invalid.`);
  if (given !== right)
    throw new AwsError(
      "BadDigest",
      `The ${name.toUpperCase()} you specified did not match the calculated checksum.`,
    );
  return [name, right];
};

const incomplete = () =>
  new AwsError(
    "IncompleteBody",
    "You did not provide the number of bytes specified by the Content-Length HTTP header",
  );

/**
 * Takes chunks apart that have no signatures of their own: each has its length
 * in hexadecimal before it, the last one is empty, and trailers come after it.
 *
 * Source: Amazon S3 API Reference, "Signature calculations for the
 * authorization header: transferring payload in multiple chunks", unsigned
 * payloads with trailing headers.
 */
const dechunk = (body: Uint8Array): { bytes: Uint8Array; trailers: Map<string, string> } => {
  const buffer = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const end = buffer.indexOf("\r\n", at);
    const length = end < 0 ? Number.NaN : Number.parseInt(buffer.toString("latin1", at, end), 16);
    if (Number.isNaN(length)) throw incomplete();
    at = end + 2;
    if (length === 0) break;
    if (at + length + 2 > buffer.length) throw incomplete();
    chunks.push(buffer.subarray(at, at + length));
    at += length + 2;
  }
  const lines = buffer
    .toString("latin1", at)
    .split("\r\n")
    .filter((line) => line !== "");
  const trailers = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return { bytes: Buffer.concat(chunks), trailers: new Map(trailers) };
};

const read = async (request: Request) => {
  const body = new Uint8Array(await request.arrayBuffer());
  const encoding = request.headers.get("content-encoding") ?? "";
  if (!encoding.includes("aws-chunked"))
    return { bytes: body, trailers: new Map<string, string>() };
  const unchunked = dechunk(body);
  const length = request.headers.get("x-amz-decoded-content-length");
  if (Number(length) !== unchunked.bytes.length) throw incomplete();
  return unchunked;
};

/**
 * Reads the body of a request and holds it to every checksum that came with it,
 * in a header or behind the body.
 *
 * Source: Amazon S3 API Reference, PutObject (`x-amz-checksum-*`,
 * `Content-MD5`); "Error responses" (BadDigest, InvalidRequest, IncompleteBody).
 *
 * @throws AwsError when something was lost on the way
 */
export const readPayload = async (request: Request): Promise<Payload> => {
  const { bytes, trailers } = await read(request);
  const given = [...request.headers, ...trailers].filter(
    ([name]) => name.startsWith(prefix) && !others.has(name),
  );
  if (given.length > 1)
    throw new AwsError(
      "InvalidRequest",
      "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    );
  const announced = request.headers.get("x-amz-trailer");
  if (announced !== null && !trailers.has(announced.toLowerCase()))
    throw new AwsError(
      "MalformedTrailerError",
      "The request contained trailing data that was not well-formed or did not conform to our published schema.",
    );
  const md5 = request.headers.get("content-md5");
  if (md5 !== null && md5 !== hash("md5")(bytes))
    throw new AwsError(
      "BadDigest",
      "The Content-MD5 you specified did not match what we received.",
    );
  return {
    bytes,
    checksums: Object.fromEntries(given.map(([name, value]) => verify(bytes, name, value))),
  };
};
