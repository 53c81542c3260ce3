import type { HttpHandler } from "@smithy/protocol-http";
import type { Clock } from "../lambdas/runtime/clock.ts";
import { createAgenda } from "./agenda.ts";
import {
  type AutoScalingEmulator,
  createAutoScaling,
} from "./emulators/auto-scaling/auto-scaling.ts";
import type { Instance } from "./emulators/auto-scaling/state.ts";
import type { Delays } from "./emulators/auto-scaling/world.ts";
import { createDynamoDb, type DynamoDb } from "./emulators/dynamodb/dynamodb.ts";
import { createEc2, type Ec2 } from "./emulators/ec2/ec2.ts";
import { type Bus, type BusEvent, createBus } from "./emulators/event-bridge/bus.ts";
import { createKms, type Kms } from "./emulators/kms.ts";
import { createResourceTags, type ResourceTags } from "./emulators/resource-tags.ts";
import { createS3, type S3 } from "./emulators/s3/s3.ts";
import { createSecretsManager, type SecretsManager } from "./emulators/secrets-manager.ts";
import { createSsm, type Ssm } from "./emulators/ssm.ts";
import { createStepFunctions, type StepFunctions } from "./emulators/step-functions.ts";
import { type Containers, createContainers } from "./engine/containers.ts";
import { createEngine, type Run, type RunEvent, type StateMachineEngine } from "./engine/engine.ts";
import type { Template } from "./engine/intrinsics.ts";
import { LambdaFailure } from "./engine/lambda-failure.ts";
import { type Random, seededBy } from "./random.ts";
import {
  type Authority,
  type Caller,
  standingAuthority,
  viewGroups,
} from "./world/authorisation.ts";
import { connectTasks, type Connection } from "./world/connect-tasks.ts";
import { deliverEvents } from "./world/deliver-events.ts";
import { findHandler, type HandlerModule } from "./world/handlers.ts";
import { createLedger, type Ledger } from "./world/ledger.ts";
import { readMachineSpecs } from "./world/machine-specs.ts";
import { createMachines, type Machines } from "./world/machines.ts";
import type { Park } from "./world/park.ts";
import { readStack, type Stack } from "./world/stack.ts";
import { storeSecrets } from "./world/store-secrets.ts";

export const region = "eu-west-1";
export const account = "123456789012";

export interface WorldOptions {
  /** The synthesized template of Drover and its groups. */
  readonly template: Template;
  readonly park: Park;
  readonly clock: Clock;
  readonly seed: number;
  /** How long Auto Scaling and EC2 take. @default as on AWS */
  readonly delays?: Partial<Delays>;
  /** Gives the module of a task. @default the handlers of this repository */
  readonly handlers?: (task: string) => HandlerModule;
  /** Decides whether a function may make a call of AWS. @default the standing one, if any */
  readonly authority?: Authority;
  /** Comes between everybody and AWS: what goes wrong there. @default nothing */
  readonly intercept?: Connection["intercept"];
  /** Is told of everything that happens in executions. */
  readonly onEvent?: (run: Run, event: RunEvent) => void;
}

/** An AWS account with Drover deployed in it, and a cluster beside it. */
export interface World {
  readonly clock: Clock;
  readonly stack: Stack;
  readonly park: Park;
  readonly autoScaling: AutoScalingEmulator;
  readonly bus: Bus;
  readonly dynamoDb: DynamoDb;
  readonly ec2: Ec2;
  readonly kms: Kms;
  readonly s3: S3;
  readonly ssm: Ssm;
  readonly secrets: SecretsManager;
  readonly tags: ResourceTags;
  readonly stepFunctions: StepFunctions;
  readonly engine: StateMachineEngine;
  readonly containers: Containers;
  readonly ledger: Ledger;
  /** Those that fetch a bundle when they boot. */
  readonly machines: Machines;
  /** AWS as somebody meets it who is no function, with no more than what they may do. */
  readonly awsOf: (caller: Caller) => HttpHandler;
  /** Lines that functions wrote: log records and metrics. */
  readonly log: readonly string[];
  /** Events that nobody could handle. */
  readonly deadLetters: readonly { readonly event: BusEvent; readonly error: unknown }[];
  /** Events and calls that are under way without anybody who waits for them. */
  underWay(): number;
  close(): void;
}

const machineOf = (executionArn: string): string =>
  executionArn.replace(":execution:", ":stateMachine:").replace(/:[^:]*$/, "");

/**
 * Deploys a template into an empty account: every service is emulated as far as
 * Drover touches it, and the functions run the handlers of this repository. It
 * makes no groups: what is to be there, and how large, a scenario says.
 */
export const createWorld = (options: WorldOptions): World => {
  const { template, park, clock, seed, handlers = findHandler } = options;
  const now = () => clock.now();
  const stream = (name: string): Random => seededBy(seed, name);
  const agenda = createAgenda(clock);
  const bus = createBus({ agenda, now, random: stream("bus") });
  const dynamoDb = createDynamoDb({ now });
  const ssm = createSsm({ now, region, account });
  const tags = createResourceTags();
  const kms = createKms({ random: stream("kms"), region, account });
  const s3 = createS3({ now, random: stream("s3") });
  const secrets = createSecretsManager({ now, random: stream("secrets"), region, account });
  const refs = storeSecrets(template, secrets, park.credentials);
  const place = { region, account, stackName: "Drover", refs };
  const stack = readStack(template, place);
  const managed = new Set(stack.groups.map(({ name }) => name));
  const isManaged = ({ group }: Instance) => managed.has(group);
  const autoScaling = createAutoScaling({
    clock,
    random: stream("auto-scaling"),
    publish: (event) => bus.publish(event),
    // What others launch is no part of this cluster.
    machines: {
      launched: (instance) =>
        isManaged(instance) ? park.launched(instance, (each) => machines.boot(each)) : undefined,
      terminated: (instance) => (isManaged(instance) ? park.terminated(instance) : undefined),
    },
    ...(options.delays && { delays: options.delays }),
    region,
    account,
  });

  const ec2 = createEc2({ now, instances: () => autoScaling.instances() });

  const log: string[] = [];
  const deadLetters: { event: BusEvent; error: unknown }[] = [];
  const ledger = createLedger({
    now,
    destinationOf: (host) => {
      const destination = park.destinationOf(host);
      if (destination !== undefined) return destination;
      if (host.endsWith(`.${region}.amazonaws.com`)) return "aws";
      throw new Error(`a function called ${host}, which is no part of this world`);
    },
  });
  const authorise = (options.authority ?? standingAuthority())?.({
    template,
    stack,
    region,
    account,
    refs,
    ...viewGroups(autoScaling),
  });
  const random = stream("functions");
  const containers = createContainers({
    clock,
    random: stream("containers"),
    load: handlers,
    surround: (container) => ({
      env: container.spec.env,
      clock,
      random,
      awsHandler: ledger.watch(awsOf(container.spec.task), container),
      connect: (tls) => ledger.watch(park.connect(tls), container),
      write: (line) => void (container.alive && log.push(line)),
    }),
  });
  /** Ends the executions that still run when the world does. */
  const stops = new Set<() => void>();
  /** By execution: the instance that its input names. */
  const instances = new Map<string, string | undefined>();
  const engine = createEngine({
    clock,
    invoke: async ({ functionArn, payload, executionArn, state }) => {
      const denial = authorise?.ofService({
        kind: "invoke",
        stateMachineArn: machineOf(executionArn),
        functionArn,
      });
      if (denial !== undefined) throw LambdaFailure.denied(denial);
      return containers.invoke(functionArn, payload, {
        executionArn,
        instanceId: instances.get(executionArn),
        state,
      });
    },
    ...(options.onEvent && { onEvent: options.onEvent }),
  });
  const stepFunctions = createStepFunctions({
    engine: {
      start: (execution) => {
        const input = JSON.parse(execution.input) as { readonly instanceId?: unknown } | null;
        const instanceId = input?.instanceId;
        instances.set(
          execution.executionArn,
          typeof instanceId === "string" ? instanceId : undefined,
        );
        const run = engine.start(execution);
        if (run) {
          stops.add(run.stop);
          const forget = () => stops.delete(run.stop);
          run.outcome.then(forget, forget);
        }
        return run;
      },
    },
    clock,
    random: stream("step-functions"),
    publish: (event) => bus.publish(event),
    machines: () => stack.stateMachines.map(({ arn }) => arn),
    region,
    account,
  });
  const awsOf = connectTasks(
    {
      autoscaling: autoScaling.service,
      dynamodb: dynamoDb.service,
      ec2: ec2.service,
      kms: kms.service,
      secretsmanager: secrets.service,
      ssm: ssm.service,
      states: stepFunctions.service,
      tagging: tags.service,
    },
    { s3, region, clock, authorise, ...(options.intercept && { intercept: options.intercept }) },
  );

  for (const spec of stack.functions) containers.define(spec);
  for (const { arn, definition } of stack.stateMachines) engine.define(arn, definition);
  for (const table of stack.tables) dynamoDb.createTable(table);
  for (const { name, versioned } of stack.buckets) s3.createBucket(name, { versioned });
  for (const id of stack.keys) kms.createKey(id);
  for (const { name, keyId } of stack.aliases) kms.createAlias(name, keyId);
  for (const { name, value } of stack.parameters) ssm.put(name, value);
  const machines = createMachines({
    specs: readMachineSpecs(template, place, (key) => kms.publicKey(key)),
    awsOf,
    tags,
    arnOf: (instanceId) => `arn:aws:ec2:${region}:${account}:instance/${instanceId}`,
    clock,
    random: stream("machines"),
  });

  const deliveries = deliverEvents({
    stack,
    bus,
    clock,
    stepFunctions,
    containers,
    authorise,
    deadLetter: (event, error) => void deadLetters.push({ event, error }),
  });

  return {
    clock,
    stack,
    park,
    autoScaling,
    bus,
    dynamoDb,
    ec2,
    kms,
    s3,
    ssm,
    secrets,
    tags,
    stepFunctions,
    engine,
    containers,
    ledger,
    machines,
    awsOf,
    log,
    deadLetters,
    underWay: () => bus.underWay() + deliveries.queued(),
    close: () => {
      for (const stop of stops) stop();
      autoScaling.close();
      agenda.close();
    },
  };
};
