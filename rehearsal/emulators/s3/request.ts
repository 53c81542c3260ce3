import { AwsError } from "../aws-json.ts";
import type { Bucket, Content, Version } from "./bucket.ts";

/** A request as an operation gets it. */
export interface S3Request {
  readonly request: Request;
  readonly query: URLSearchParams;
  readonly bucket: Bucket;
  readonly key: string;
}

/** Carries nothing that an operation would have to heed. */
const idle = new Set([
  "x-amz-checksum-mode",
  "x-amz-content-sha256",
  "x-amz-date",
  "x-amz-decoded-content-length",
  "x-amz-sdk-checksum-algorithm",
  "x-amz-security-token",
  "x-amz-trailer",
  "x-amz-user-agent",
]);

const hasMeaning = (header: string): boolean =>
  /^(?:x-amz-|if-|range$|expires$|cache-control$|content-disposition$)/.test(header) &&
  !header.startsWith("x-amz-checksum-") &&
  !idle.has(header);

/**
 * @throws for a header or a parameter that the emulator does not heed, which no client repeats:
 *   to ignore it would be to emulate something else
 */
export const refuseOthers = (
  { request, query }: Pick<S3Request, "request" | "query">,
  known: { readonly headers?: readonly string[]; readonly parameters?: readonly string[] },
): void => {
  const headers = [...request.headers.keys()].filter(
    (name) => hasMeaning(name) && !known.headers?.includes(name),
  );
  // The SDK names the operation in a parameter, of which S3 takes no notice.
  const parameters = [...query.keys()].filter(
    (name) => name !== "x-id" && !known.parameters?.includes(name),
  );
  const others = [...headers, ...parameters];
  if (others.length > 0) throw new Error(`S3, emulated, does not take ${others.join(", ")}`);
};

/** An error of S3's, which may come with headers. */
export class S3Error extends AwsError {
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: string,
    message: string,
    status: number,
    fields: Readonly<Record<string, unknown>> = {},
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(code, message, { status, fields });
    this.headers = headers;
  }
}

export const noSuchKey = (key: string, headers: Readonly<Record<string, string>> = {}): AwsError =>
  new S3Error("NoSuchKey", "The specified key does not exist.", 404, { Key: key }, headers);

/** Says of which version an answer is, in a bucket that has any. */
export const versionHeaders = ({ versioned }: Bucket, { id }: Version): Record<string, string> =>
  versioned ? { "x-amz-version-id": id } : {};

export const checksumHeaders = ({ checksums }: Content): Record<string, string> => {
  const headers = Object.entries(checksums).map(([name, value]) => [
    `x-amz-checksum-${name}`,
    value,
  ]);
  if (headers.length === 0) return {};
  return { ...Object.fromEntries(headers), "x-amz-checksum-type": "FULL_OBJECT" };
};
