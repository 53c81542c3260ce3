import assert from "node:assert/strict";
import { afterEach, beforeEach } from "node:test";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { reconcileMachineName, retireMachineName } from "../../infra/names.ts";
import type { Instance } from "../../rehearsal/emulators/auto-scaling/state.ts";
import type { Execution } from "../../rehearsal/emulators/step-functions.ts";
import { account, region } from "../../rehearsal/world.ts";
import {
  type DoctorWorld,
  type DoctorWorldOptions,
  raiseDoctorWorld,
} from "../cli/doctor-world.ts";

/** The world of the test that runs. */
export let here: DoctorWorld;

/** A world of its own for each test of a file, with three machines. */
export const useWorld = (): void => {
  beforeEach(() => raise({ size: 3 }));
  afterEach(() => here.end());
};

/** Takes the place of the world with another one. */
export const raiseAnother = async (options: DoctorWorldOptions): Promise<void> => {
  here.end();
  await raise(options);
};

const raise = async (options: DoctorWorldOptions): Promise<void> => {
  here = await raiseDoctorWorld(options);
};

export const machine = (name: string) => `arn:aws:states:${region}:${account}:stateMachine:${name}`;
export const executionsOf = (name: string): Execution[] =>
  here.world.stepFunctions
    .executions()
    .filter(({ stateMachineArn }) => stateMachineArn === machine(name));
export const runs = () => executionsOf(reconcileMachineName("default"));
export const retirements = () => executionsOf(retireMachineName("default"));
export const minutes = (count: number) => count * 60_000;

export const call = async <T>(operation: string, body: unknown): Promise<T> => {
  const request = new Request(`https://states.${region}.amazonaws.com/`, {
    method: "POST",
    headers: { "x-amz-target": `AWSStepFunctions.${operation}` },
    body: JSON.stringify(body),
  });
  return (await (await here.world.stepFunctions.service(request)).json()) as T;
};
/** As a person does in the console. */
export const stop = (executionArn: string) => call("StopExecution", { executionArn });
export const reconcile = async (input: unknown): Promise<Execution> => {
  const { executionArn } = await call<{ executionArn: string }>("StartExecution", {
    stateMachineArn: machine(reconcileMachineName("default")),
    input: JSON.stringify(input),
  });
  const run = () => runs().find((each) => each.executionArn === executionArn);
  assert.ok(await here.pace.until(() => run()?.status !== "RUNNING", minutes(30)));
  return run()!;
};
export const until = async (holds: () => boolean, within = minutes(60)) =>
  assert.ok(await here.pace.until(holds, within), "it did not come to that");
export const pass = (span: number) => here.pace.await(here.world.clock.sleep(span));

/** The group ends one instance. */
export const scaleIn = async (count = 1): Promise<Instance[]> => {
  const { autoScaling } = here.world;
  const [group] = here.world.stack.groups;
  assert.ok(group);
  autoScaling.scaleTo(group.name, autoScaling.group(group.name).desired - count);
  const waiting = () =>
    autoScaling.instances(group.name).filter(({ state }) => state === "Terminating:Wait");
  await until(() => waiting().length === count, minutes(2));
  return waiting();
};
export const order = {
  stateMachineArn: machine(reconcileMachineName("default")),
  input: JSON.stringify({ mode: "repair" }),
};
export const outcomeOf = ({ actions }: Instance) => actions.at(-1)?.outcome?.result;
export const operationsOf = ({ executionArn }: Execution) =>
  here.world.ledger.entries
    .filter(({ subject }) => subject.executionArn === executionArn)
    .map(({ operation }) => operation);
export const leases = (prefix = "slot#"): { pk: string; holder: string }[] =>
  here.world.stack.tables.flatMap(
    ({ name }) =>
      here.world.dynamoDb
        .items(name)
        .map((item) => unmarshall(item as Record<string, AttributeValue>))
        .filter(({ pk }) => String(pk).startsWith(prefix)) as { pk: string; holder: string }[],
  );
export const lose = () => here.world.bus.setFaults({ losses: 1 });

export const isEntering = (arn: string, state: string) =>
  here.world.engine.runs
    .get(arn)
    ?.events.some((event) => event.type === "StateEntered" && event.state === state);
export const isRemembered = (id: string) =>
  here.park.nomad.truth.node(id) !== undefined || here.park.consul.truth.remembers(id);
export const record = (
  id: string,
): { phase: string; left?: string[]; execution: string } | undefined =>
  here.world.stack.tables.flatMap(({ name }) =>
    here.world.dynamoDb
      .items(name)
      .map((item) => unmarshall(item as Record<string, AttributeValue>))
      .filter(({ pk }) => pk === `instance#${id}`),
  )[0]?.["ownership"];
export const retireByHand = async (instanceId: string): Promise<string> => {
  const { executionArn } = await call<{ executionArn: string }>("StartExecution", {
    stateMachineArn: machine(retireMachineName("default")),
    input: JSON.stringify({ instanceId }),
  });
  return executionArn;
};
export const reportOf = ({ output }: Execution) =>
  JSON.parse(output ?? "{}") as { findings: string[]; repairs: unknown[]; unknown: string[] };
export const metricsOf = (name: string): number[] =>
  here.world.log
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => "_aws" in line && name in line)
    .map((line) => line[name] as number);
