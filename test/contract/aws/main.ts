/**
 * Holds the contracts of AWS's services against the account of the person who runs
 * it: `make contract-aws` says what it would do, `make contract-aws CONFIRM=yes`
 * does it. SLOW=yes for all cases, ONLY=hook for some, MACHINES=2 for few.
 */
import { randomBytes } from "node:crypto";

import { AutoScalingClient } from "@aws-sdk/client-auto-scaling";
import { EC2Client } from "@aws-sdk/client-ec2";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { SQSClient } from "@aws-sdk/client-sqs";
import { STSClient } from "@aws-sdk/client-sts";

import { systemClock } from "../../../lambdas/runtime/clock.ts";
import { autoScalingContract } from "../auto-scaling.ts";
import { accountCloud } from "./cloud.ts";
import { accountChannel } from "./event-channel.ts";
import { exit, runContract } from "./run-contract.ts";
import { serviceCases } from "./service-cases.ts";
import { serviceHolders } from "./services.ts";

const print = (line: string) => void process.stdout.write(`${line}\n`);

const interrupted = new AbortController();
// Nobody reads on, as after `| head`: what was made is deleted all the same.
process.stdout.on("error", (error) => interrupted.abort(error));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.once(signal, () => {
    print("Interrupted: what was made is being deleted. Once more, and it stays.");
    interrupted.abort(new Error("interrupted"));
  });

// Many cases at once share the account's rate, and none may fail for it.
const settings = { maxAttempts: 10 };
const autoScaling = new AutoScalingClient(settings);
const region = await autoScaling.config.region().catch(() => undefined);
const now = new Date(systemClock.now()).toISOString();
const run = `${now.slice(0, 16).replaceAll(/\D/g, "")}-${randomBytes(2).toString("hex")}`;

const options = {
  contract: [...autoScalingContract, ...serviceCases(settings, run)],
  env: process.env,
  autoScaling,
  cloud: accountCloud(
    new EC2Client(settings),
    new STSClient(settings),
    accountChannel(new EventBridgeClient(settings), new SQSClient(settings)),
    serviceHolders(settings),
  ),
  clock: systemClock,
  print,
  run,
  signal: interrupted.signal,
};
if (region === undefined) {
  print("In which region? Set AWS_REGION, or AWS_PROFILE to a profile that has one.");
  process.exitCode = exit.notStarted;
} else process.exitCode = await runContract({ ...options, region });
