import { AwsError } from "../aws-json.ts";
import type { Instance } from "../auto-scaling/state.ts";
import { parseForm } from "../aws-query.ts";
import type { Service } from "../service.ts";

/** A machine that no Auto Scaling group has. */
export interface OtherMachine {
  readonly id: string;
  readonly state: string;
}

export interface Ec2 {
  readonly service: Service;
  /** Puts a machine there that no group has, or changes its state. */
  put(machine: OtherMachine): void;
}

/**
 * How long a terminated instance can still be described: "about an hour" (Amazon
 * EC2 User Guide, "Terminate Amazon EC2 instances").
 */
const visibleMilliseconds = 3_600_000;

const codes: Readonly<Record<string, number>> = {
  pending: 0,
  running: 16,
  "shutting-down": 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
};

/** The state of the machine below the states of its group. */
const stateOf = ({ state, history }: Instance, now: number): string | undefined => {
  if (state === "Terminated") {
    const endedAt = history.at(-1)?.at ?? now;
    return now - endedAt > visibleMilliseconds ? undefined : "terminated";
  }
  if (state === "Terminating:Proceed" || state === "Warmed:Terminating:Proceed")
    return "shutting-down";
  if (state === "Warmed:Stopped" || state === "Warmed:Hibernated") return "stopped";
  return "running";
};

const namespace = "http://ec2.amazonaws.com/doc/2016-11-15/";
const headers = { "content-type": "text/xml;charset=UTF-8" };

const renderInstance = ({ id, state }: OtherMachine): string =>
  `<item><reservationId>r-${id.slice(2)}</reservationId><instancesSet><item>` +
  `<instanceId>${id}</instanceId><instanceState><code>${codes[state]}</code><name>${state}</name></instanceState>` +
  `</item></instancesSet></item>`;

const listMissing = (missing: readonly string[]): string =>
  missing.length === 1
    ? `The instance ID '${missing[0]}' does not exist`
    : `The instance IDs '${missing.join(", ")}' do not exist`;

/**
 * Emulates the reading side of EC2, as far as instances are asked for by id.
 *
 * Source: Amazon EC2 API Reference, DescribeInstances (an id that does not exist
 * is an error, and nothing is answered about the others) and "Error codes"
 * (`InvalidInstanceID.NotFound`, `InvalidInstanceID.Malformed`).
 */
export const createEc2 = ({
  now,
  instances,
}: {
  readonly now: () => number;
  /** Those of all groups that there have been. */
  readonly instances: () => readonly Instance[];
}): Ec2 => {
  const others = new Map<string, OtherMachine>();
  const find = (id: string): OtherMachine | undefined => {
    const other = others.get(id);
    if (other) return other;
    const instance = instances().find((each) => each.id === id);
    const state = instance && stateOf(instance, now());
    return state === undefined ? undefined : { id, state };
  };

  const describe = (ids: readonly string[]): string => {
    for (const id of ids)
      if (!/^i-([0-9a-f]{8}|[0-9a-f]{17})$/.test(id))
        throw new AwsError("InvalidInstanceID.Malformed", `Invalid id: "${id}"`);
    const missing = ids.filter((id) => find(id) === undefined);
    if (missing.length > 0) throw new AwsError("InvalidInstanceID.NotFound", listMissing(missing));
    return ids.map((id) => renderInstance(find(id)!)).join("");
  };

  return {
    put: (machine) => void others.set(machine.id, machine),
    service: async (request) => {
      const { Action, Version: _version, InstanceId, ...unknown } = parseForm(await request.text());
      const [field] = Object.keys(unknown);
      if (Action !== "DescribeInstances" || field !== undefined || typeof InstanceId !== "object")
        throw new Error(`${String(Action)} ${field ?? ""} is not emulated`);
      try {
        const found = describe(Object.values(InstanceId as Record<string, string>));
        return new Response(
          `<DescribeInstancesResponse xmlns="${namespace}"><requestId>ec2</requestId>` +
            `<reservationSet>${found}</reservationSet></DescribeInstancesResponse>`,
          { headers },
        );
      } catch (error) {
        if (!(error instanceof AwsError)) throw error;
        return new Response(
          `<Response><Errors><Error><Code>${error.code}</Code><Message>${error.message.replaceAll('"', "&quot;")}</Message></Error></Errors><RequestID>ec2</RequestID></Response>`,
          { status: error.status, headers },
        );
      }
    },
  };
};
