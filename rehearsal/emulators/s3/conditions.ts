import type { AwsError } from "../aws-json.ts";
import type { StoredObject } from "./bucket.ts";
import { noSuchKey, S3Error } from "./request.ts";

const precondition = (name: string): AwsError =>
  new S3Error(
    "PreconditionFailed",
    "At least one of the pre-conditions you specified did not hold",
    412,
    { Condition: name },
  );

/** A tag is sent with its quotes or without them. */
const bare = (etag: string): string => etag.replaceAll('"', "");

/** Whether a write asks for a condition. */
export const isConditional = ({ headers }: Request): boolean =>
  headers.has("if-match") || headers.has("if-none-match");

/**
 * Holds a write to its condition.
 *
 * Source: Amazon S3 User Guide, "How to prevent object overwrites with
 * conditional writes": a deleted object is none, so that `If-None-Match`
 * succeeds and `If-Match` is answered with 404; PutObject, If-None-Match
 * ("Expects the '*' character").
 *
 * @throws AwsError when it does not hold
 */
export const checkCondition = (
  { headers }: Request,
  key: string,
  current: StoredObject | undefined,
): void => {
  const [match, noneMatch] = [headers.get("if-match"), headers.get("if-none-match")];
  if (noneMatch !== null && noneMatch !== "*")
    throw new S3Error(
      "NotImplemented",
      "A header you provided implies functionality that is not implemented",
      501,
      { Header: "If-None-Match" },
    );
  if (noneMatch !== null && current !== undefined) throw precondition("If-None-Match");
  if (match === null) return;
  if (current === undefined) throw noSuchKey(key);
  if (bare(match) !== bare(current.content.etag)) throw precondition("If-Match");
};
