/** What a request asks of S3. */
export interface S3Call {
  /** `PutObject`, …; undefined for one that is not emulated. */
  readonly operation: string | undefined;
  /** Empty where a request names none. */
  readonly bucket: string;
  /** Empty for a request about the bucket. */
  readonly key: string;
}

/** `s3.eu-west-1.amazonaws.com`, with the bucket before it or without one. */
const endpoint = /^(?:(?<bucket>.+)\.)?s3\.[a-z0-9-]+\.amazonaws\.com$/;

/** Whether a host is one of S3's. */
export const isS3Host = (hostname: string): boolean => endpoint.test(hostname);

const ofObject: Readonly<Record<string, string>> = {
  DELETE: "DeleteObject",
  GET: "GetObject",
  HEAD: "HeadObject",
  PUT: "PutObject",
};

const ofBucket = (method: string, query: URLSearchParams): string | undefined => {
  if (method === "GET" && query.get("list-type") === "2") return "ListObjectsV2";
  return method === "POST" && query.has("delete") ? "DeleteObjects" : undefined;
};

const splitPath = (path: string): readonly [first: string, rest: string] => {
  const slash = path.indexOf("/");
  return slash < 0 ? [path, ""] : [path.slice(0, slash), path.slice(slash + 1)];
};

/**
 * Reads what a request asks for. The bucket is in the host, or else first in the path.
 *
 * Source: Amazon S3 User Guide, "Virtual hosting of general purpose buckets".
 */
export const readCall = (method: string, url: URL): S3Call => {
  const path = decodeURIComponent(url.pathname).slice(1);
  const hosted = endpoint.exec(url.hostname)?.groups?.["bucket"];
  const [bucket, key] = hosted === undefined ? splitPath(path) : [hosted, path];
  const operation = key === "" ? ofBucket(method, url.searchParams) : ofObject[method];
  return { operation: bucket === "" ? undefined : operation, bucket, key };
};
