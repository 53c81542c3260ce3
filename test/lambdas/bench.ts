import { type HttpHandler, type HttpHandlerOptions, type HttpRequest } from "@smithy/protocol-http";
import type { Surroundings } from "../../lambdas/runtime/surroundings.ts";
import type { TaskHandler } from "../../lambdas/runtime/task.ts";
import { startVirtualTime, type VirtualTime } from "../../rehearsal/clock/virtual-time.ts";
import { createAutoScaling } from "../../rehearsal/emulators/auto-scaling/auto-scaling.ts";
import { createDynamoDb } from "../../rehearsal/emulators/dynamodb/dynamodb.ts";
import { createEc2 } from "../../rehearsal/emulators/ec2/ec2.ts";
import type { BusEvent } from "../../rehearsal/emulators/event-bridge/bus.ts";
import { createResourceTags } from "../../rehearsal/emulators/resource-tags.ts";
import { createSecretsManager } from "../../rehearsal/emulators/secrets-manager.ts";
import { createSsm } from "../../rehearsal/emulators/ssm.ts";
import { seededBy } from "../../rehearsal/random.ts";
import { answerWith, routeByHost, serveInProcess } from "../../rehearsal/wire.ts";
import { guard } from "../../rehearsal/world/authorisation.ts";
import { createEmulatedPark } from "../../rehearsal/world/emulated-park.ts";
import { taskOf } from "../../rehearsal/world/handlers.ts";
import { isolateSdk, warmSdk } from "../../rehearsal/world/sdk-environment.ts";
import { authoriseBench } from "../iam/authorise-bench.ts";
import { createExecutions, machineArn } from "./executions.ts";

/** A call that a handler made. */
export interface Sent {
  readonly host: string;
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The AWS operation; for Nomad and Consul method and path. */
  readonly operation: string;
}

/** What somebody answers in the place of a service. */
export interface Instead {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Comes before each call: may throw, wait, or answer in its place. */
export type Meddle = (call: Sent) => Instead | undefined | void | Promise<Instead | undefined>;

const respond = ({ status, body = "", headers = {} }: Instead) => ({
  response: answerWith(status, body, headers),
});

export interface HandlerModule {
  readonly createHandler: (surroundings: Surroundings) => TaskHandler;
}

const endpoints = {
  nomadAddress: "https://nomad.internal:4646",
  nomadRegion: "global",
  consulAddress: "https://consul.internal:8501",
  consulDatacenter: "dc1",
};

const textOf = (body: unknown): string => {
  if (typeof body === "string") return body;
  return body instanceof Uint8Array ? new TextDecoder().decode(body) : "";
};

const describe = (request: HttpRequest): Sent => {
  const body = textOf(request.body);
  const target = request.headers["x-amz-target"];
  const action = /^Action=(\w+)/.exec(body)?.[1];
  return {
    host: request.hostname,
    method: request.method,
    path: request.path,
    query: request.query ?? {},
    headers: request.headers,
    body,
    operation:
      target?.slice(target.lastIndexOf(".") + 1) ?? action ?? `${request.method} ${request.path}`,
  };
};

const storeSecrets = (
  secrets: ReturnType<typeof createSecretsManager>,
  credentials: ReturnType<typeof createEmulatedPark>["credentials"],
) => ({
  NOMAD_TOKEN_SECRET: secrets.create("nomad-token", credentials.nomadToken),
  CONSUL_HTTP_TOKEN_SECRET: secrets.create("consul-token", credentials.consulToken),
  NOMAD_CACERT_SECRET: secrets.create("nomad-ca", credentials.ca),
  CONSUL_CACERT_SECRET: secrets.create("consul-ca", credentials.ca),
  NOMAD_CLIENT_CERT_SECRET: secrets.create("nomad-certificate", credentials.clientCertificate),
  CONSUL_CLIENT_CERT_SECRET: secrets.create("consul-certificate", credentials.clientCertificate),
  NOMAD_CLIENT_KEY_SECRET: secrets.create("nomad-key", credentials.clientKey),
  CONSUL_CLIENT_KEY_SECRET: secrets.create("consul-key", credentials.clientKey),
});

const settings = {
  AWS_REGION: "eu-west-1",
  DROVER_CLUSTER: "default",
  DROVER_TABLE: "records",
  DROVER_STOP_PARAMETER: "/drover/default/stop",
  DROVER_POOL_PARAMETERS: "/drover/default/pools/",
  DROVER_CLUSTER_SLOTS: "3",
  DROVER_STATE_MACHINE: machineArn,
  NOMAD_ADDR: endpoints.nomadAddress,
  NOMAD_REGION: endpoints.nomadRegion,
  CONSUL_HTTP_ADDR: endpoints.consulAddress,
  CONSUL_DATACENTER: endpoints.consulDatacenter,
};

const host = (service: string) => `${service}.eu-west-1.amazonaws.com`;

/**
 * Everything that a handler may touch, emulated in virtual time: AWS, a Nomad
 * region, a Consul datacenter. One test has one bench, and ends it.
 */
export const startBench = async (options: { readonly seed?: number } = {}) => {
  const seed = options.seed ?? 1;
  const putBack = isolateSdk();
  await warmSdk();
  const time: VirtualTime = startVirtualTime({ seed });
  const { clock } = time;
  const now = () => clock.now();
  const stream = (name: string) => seededBy(seed, name);
  const park = createEmulatedPark(endpoints, { clock, seed });
  const events: BusEvent[] = [];
  const autoScaling = createAutoScaling({
    clock,
    random: stream("auto-scaling"),
    publish: (event) => void events.push(event),
    machines: park,
  });
  const dynamoDb = createDynamoDb({ now });
  dynamoDb.createTable({ name: "records", key: { partition: "pk" } });
  const ssm = createSsm({ now });
  ssm.put("/drover/default/stop", "go");
  const tags = createResourceTags();
  const secrets = createSecretsManager({ now, random: stream("secrets") });
  const executions = createExecutions(clock, stream("step-functions"));
  const ec2 = createEc2({ now, instances: () => autoScaling.instances() });
  const aws = serveInProcess(
    routeByHost({
      [host("autoscaling")]: autoScaling.service,
      [host("dynamodb")]: dynamoDb.service,
      [host("ec2")]: ec2.service,
      [host("secretsmanager")]: secrets.service,
      [host("ssm")]: ssm.service,
      [host("states")]: executions.service,
      [host("tagging")]: tags.service,
    }),
    { clock },
  );

  const sent: Sent[] = [];
  const lines: string[] = [];
  let meddle: Meddle = () => undefined;
  const watch = (handler: HttpHandler): HttpHandler => ({
    ...handler,
    handle: async (request: HttpRequest, given?: HttpHandlerOptions) => {
      const call = describe(request);
      sent.push(call);
      const instead = await meddle(call);
      return instead ? respond(instead) : handler.handle(request, given);
    },
  });
  const random = stream("functions");
  const named = storeSecrets(secrets, park.credentials);
  const authorise = authoriseBench({ table: settings.DROVER_TABLE, secrets: named, autoScaling });
  const surroundings: Surroundings = {
    env: { ...settings, ...named },
    clock,
    random,
    awsHandler: watch(aws),
    connect: (tls) => watch(park.connect(tls)),
    write: (line) => void lines.push(line),
  };

  /** What a handler has around it: AWS asks whether its function may do what it does. */
  const around = (module: HandlerModule): Surroundings => {
    const task = taskOf(module);
    if (task === undefined) return surroundings;
    return { ...surroundings, awsHandler: watch(guard(aws, task, authorise)) };
  };

  /** Lets time pass until a promise has settled. */
  const settle = async <T>(promise: Promise<T>): Promise<T> => {
    let isOver = false;
    const watched = promise.finally(() => (isOver = true));
    watched.catch(() => undefined);
    if (!(await time.runUntil(() => isOver))) throw new Error("it waits for nothing");
    return watched;
  };
  const until = async (holds: () => boolean, within = 3_600_000): Promise<void> => {
    if (!(await time.runUntil(holds, within))) throw new Error("it did not come to that");
  };
  const contextFor = (seconds: number) => {
    const end = clock.now() + seconds * 1000;
    return { awsRequestId: "request-1", getRemainingTimeInMillis: () => end - clock.now() };
  };
  const records = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);

  return {
    clock,
    time,
    autoScaling,
    events,
    dynamoDb,
    ec2,
    ssm,
    tags,
    secrets,
    executions,
    park,
    nomad: park.nomad,
    consul: park.consul,
    surroundings,
    sent,
    lines,
    settle,
    until,
    pass: (seconds: number) => time.pass(seconds * 1000),

    meddle: (how: Meddle) => void (meddle = how),
    /** The operations that were called since the last time, of one host or all. */
    operations: (of = ""): string[] => {
      const found = sent.filter((call) => call.host.includes(of));
      sent.length = 0;
      return found.map(({ operation }) => operation);
    },
    logs: () => records().filter((record) => !("_aws" in record)),
    metrics: () =>
      records()
        .filter((record) => "_aws" in record)
        .map(({ _aws, ...values }) => values),

    /** One container: it keeps what its handler keeps between calls. */
    container: (module: HandlerModule, over: Partial<Surroundings> = {}) => {
      const handler = module.createHandler({ ...around(module), ...over });
      return <T = Record<string, unknown>>(event: unknown, seconds = 720) =>
        settle(handler(event, contextFor(seconds)) as Promise<T>);
    },
    /** Begins a call of a new container; several are settled together. */
    begin: <T = Record<string, unknown>>(module: HandlerModule, event: unknown, seconds = 720) =>
      module.createHandler(around(module))(event, contextFor(seconds)) as Promise<T>,
    /** One call of a new container. */
    call: <T = Record<string, unknown>>(module: HandlerModule, event: unknown, seconds = 720) =>
      settle(module.createHandler(around(module))(event, contextFor(seconds)) as Promise<T>),

    end: () => {
      autoScaling.close();
      time.end();
      putBack();
    },
  };
};

export type Bench = Awaited<ReturnType<typeof startBench>>;
