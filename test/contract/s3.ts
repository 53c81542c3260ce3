import type { ServiceCase } from "./services.ts";
import { s3Reads } from "./s3-reads.ts";
import type { S3Target } from "./s3-target.ts";
import { s3Writes } from "./s3-writes.ts";

/** What is believed of S3. */
export const s3Contract: readonly ServiceCase<S3Target>[] = [...s3Reads, ...s3Writes];
