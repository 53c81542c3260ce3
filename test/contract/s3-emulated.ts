import { S3Client } from "@aws-sdk/client-s3";

import { systemClock } from "../../lambdas/runtime/clock.ts";
import { createS3 } from "../../rehearsal/emulators/s3/s3.ts";
import { seeded } from "../../rehearsal/random.ts";
import { serveInProcess } from "../../rehearsal/wire.ts";
import type { S3Target } from "./s3-target.ts";

export const openEmulatedBuckets = (): S3Target => {
  const s3 = createS3({ now: () => systemClock.now(), random: seeded(1) });
  s3.createBucket("versioned", { versioned: true });
  s3.createBucket("plain");
  let serial = 0;
  return {
    client: new S3Client({
      region: "eu-west-1",
      credentials: { accessKeyId: "key", secretAccessKey: "secret" },
      requestHandler: serveInProcess(s3.service, { clock: systemClock }),
      maxAttempts: 1,
    }),
    versioned: "versioned",
    plain: "plain",
    newPrefix: () => `${(serial += 1)}/`,
  };
};
