import type { HttpResponse } from "@smithy/protocol-http";
import type { Random } from "../random.ts";
import { answerWith } from "../wire.ts";
import type { Answer, OutgoingCall } from "../world/ledger.ts";
import { minute, moment, oneOf, second, span, whole } from "./draw.ts";
import { countCalls, type Fault, type Occurrence, type Scene } from "./fault.ts";

interface AwsService {
  /** First label of its host. */
  readonly label: string;
  /** What stands in the name of its faults. */
  readonly name: string;
  readonly title: string;
  readonly protocol: "query" | "ec2" | "json";
  /** How it says that it is asked too often: status and code. */
  readonly throttled: readonly [number, string];
  readonly failed: readonly [number, string];
  /** What Drover calls of it. */
  readonly operations: readonly string[];
}

/** Source of the codes: the API reference of each service, "Common errors" and the operations' own. */
export const awsServices: readonly AwsService[] = [
  {
    label: "autoscaling",
    name: "auto-scaling",
    title: "Auto Scaling",
    protocol: "query",
    throttled: [400, "Throttling"],
    failed: [503, "ServiceUnavailable"],
    operations: [
      "CompleteLifecycleAction",
      "DescribeAutoScalingInstances",
      "DescribeLifecycleHooks",
      "DescribeTags",
      "RecordLifecycleActionHeartbeat",
    ],
  },
  {
    label: "dynamodb",
    name: "dynamodb",
    title: "DynamoDB",
    protocol: "json",
    throttled: [400, "ThrottlingException"],
    failed: [500, "InternalServerError"],
    operations: ["GetItem", "UpdateItem", "DeleteItem", "BatchGetItem", "TransactWriteItems"],
  },
  {
    label: "ec2",
    name: "ec2",
    title: "EC2",
    protocol: "ec2",
    throttled: [503, "RequestLimitExceeded"],
    failed: [500, "InternalError"],
    operations: ["DescribeInstances"],
  },
  {
    label: "ssm",
    name: "ssm",
    title: "Parameter Store",
    protocol: "json",
    throttled: [400, "ThrottlingException"],
    failed: [500, "InternalServerError"],
    operations: ["GetParameters"],
  },
  {
    label: "secretsmanager",
    name: "secrets-manager",
    title: "Secrets Manager",
    protocol: "json",
    throttled: [400, "ThrottlingException"],
    failed: [500, "InternalServiceError"],
    operations: ["BatchGetSecretValue"],
  },
  {
    label: "states",
    name: "step-functions",
    title: "Step Functions",
    protocol: "json",
    throttled: [400, "ThrottlingException"],
    failed: [500, "InternalFailure"],
    operations: ["StartExecution", "DescribeExecution"],
  },
  {
    label: "tagging",
    name: "tagging",
    title: "the tagging service",
    protocol: "json",
    throttled: [400, "ThrottledException"],
    failed: [500, "InternalServiceException"],
    operations: ["GetResources"],
  },
];

const refuse = (
  { protocol }: AwsService,
  [status, code]: readonly [number, string],
): HttpResponse => {
  const message = /^Throttl|Limit/.test(code)
    ? "Rate exceeded"
    : "An internal error occurred. Try again later.";
  const id = "00000000-0000-4000-8000-000000000000";
  const body = {
    json: JSON.stringify({ __type: code, message }),
    query:
      `<ErrorResponse><Error><Type>${status < 500 ? "Sender" : "Receiver"}</Type>` +
      `<Code>${code}</Code><Message>${message}</Message></Error><RequestId>${id}</RequestId></ErrorResponse>`,
    ec2:
      `<Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors>` +
      `<RequestID>${id}</RequestID></Response>`,
  }[protocol];
  const type = protocol === "json" ? "application/x-amz-json-1.1" : "text/xml";
  return answerWith(status, body, { "content-type": type });
};

/**
 * Has something happen to calls: to those that the occurrence counts, or to a
 * share of all as long as it lasts.
 */
export const strikeCalls = async (
  { world, random, struck, met }: Scene,
  { calls, lasts, share = 1 }: Occurrence,
  concerns: (call: OutgoingCall) => boolean,
  happen: (call: OutgoingCall, send: () => Promise<Answer>) => Promise<Answer>,
): Promise<void> => {
  const counts = calls && countCalls(calls);
  const isStruck = (call: OutgoingCall): boolean =>
    concerns(call) && (counts ? counts(call) : share >= 1 || random() < share);
  const stop = world.ledger.interfere(async (call, send) => {
    if (!isStruck(call)) return send();
    met(call.subject);
    if (counts) struck(`${call.operation} in ${call.subject.state ?? call.task}`);
    return happen(call, send);
  });
  if (counts === undefined) struck();
  if (lasts === undefined) return;
  await world.clock.sleep(lasts);
  stop();
};

/** Either some calls of one operation, or a time in which a service has a bad day. */
const drawCalls = (random: Random, operations: readonly string[]) =>
  random() < 0.4
    ? {
        at: moment(random, minute),
        calls: {
          of: oneOf(random, operations),
          nth: whole(random, 1, 5),
          times: whole(random, 1, 9),
        },
      }
    : {
        at: moment(random),
        lasts: span(random, 5 * second, 10 * minute),
        share: oneOf(random, [0.5, 1]),
      };

const faultsOf = (service: AwsService): Fault[] => {
  const fault = (kind: "throttles" | "fails", answer: readonly [number, string]): Fault => ({
    name: `${service.name}-${kind}`,
    what: `${service.title} ${kind === "fails" ? `answers ${answer[0]}` : "is asked too often"}`,
    reach: { of: "calls", to: [service.label] },
    draw: (random) => drawCalls(random, service.operations),
    strike: (scene, occurrence) =>
      strikeCalls(
        scene,
        occurrence,
        (call) => call.service === service.label,
        async () => ({ response: refuse(service, answer) }),
      ),
  });
  return [fault("throttles", service.throttled), fault("fails", service.failed)];
};

/** What a client sees of a connection that broke. */
export const brokenConnection = (): Error =>
  Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET", errno: -104, syscall: "read" });

const changing = awsServices.flatMap(({ label, operations }) =>
  operations
    .filter((operation) => !/^(Describe|Get|BatchGet)/.test(operation))
    .map((operation) => ({ label, operation })),
);

export const serviceFaults: readonly Fault[] = [
  ...awsServices.flatMap(faultsOf),
  {
    name: "answers-lost",
    what: "AWS does what it is asked, and its answer never comes back",
    reach: { of: "calls", to: changing.map(({ label, operation }) => `${label}:${operation}`) },
    draw: (random) => ({
      at: moment(random, minute),
      calls: {
        of: oneOf(random, changing).operation,
        nth: whole(random, 1, 4),
        times: whole(random, 1, 2),
      },
    }),
    strike: (scene, occurrence) =>
      strikeCalls(
        scene,
        occurrence,
        ({ destination }) => destination === "aws",
        async (_, send) => {
          await send();
          throw brokenConnection();
        },
      ),
  },
];
