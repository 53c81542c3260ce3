import assert from "node:assert/strict";
import type { Timed } from "./eventually.ts";

export interface Answer {
  readonly status: number;
  readonly text: string;
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows the body
  json<Body>(): Body;
}

/** Rights as an HCL policy grants them. */
export interface Grants {
  readonly operator?: "read" | "write";
  readonly node?: "read" | "write";
  readonly service?: "read" | "write";
}

/** What the contract runs against: an emulated or a real Consul. */
export interface ConsulTarget extends Timed {
  readonly datacenter: string;
  call(
    method: string,
    path: string,
    options?: { readonly body?: unknown; readonly token?: string },
  ): Promise<Answer>;
  /**
   * Starts a machine with an agent that has a service, and waits until both are in the catalog.
   *
   * @param as - the name of an agent that is, or was, somebody else's
   */
  addAgent(as?: string): Promise<{ readonly name: string; readonly service: string }>;
  /** Ends all processes of its machine. */
  powerOff(name: string): Promise<void>;
  /** Has the agent leave in order. */
  leave(name: string): Promise<void>;
  createToken(grants: Grants): Promise<string>;
}

/** Where cases run; each has a target to itself as long as it runs. */
export interface OpenedConsul {
  run(body: (target: ConsulTarget) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

export interface CatalogView {
  readonly Node: {
    readonly ID: string;
    readonly Node: string;
    readonly Address: string;
    readonly Datacenter: string;
  };
  readonly Services: Readonly<Record<string, { readonly ID: string; readonly Service: string }>>;
}

export const readCatalog = async (
  target: ConsulTarget,
  name: string,
  token?: string,
): Promise<CatalogView | null> => {
  const options = token === undefined ? {} : { token };
  const answer = await target.call("GET", `/v1/catalog/node/${name}`, options);
  assert.equal(answer.status, 200, answer.text);
  return answer.json<CatalogView | null>();
};

const STATUSES = ["none", "alive", "leaving", "left", "failed"];

export const readMember = async (
  target: ConsulTarget,
  name: string,
): Promise<string | undefined> => {
  const answer = await target.call("GET", "/v1/agent/members");
  const member = answer
    .json<{ Name: string; Status: number }[]>()
    .find((candidate) => candidate.Name === name);
  return member && STATUSES[member.Status];
};

export const readChecks = async (
  target: ConsulTarget,
  name: string,
): Promise<Record<string, string>> => {
  const answer = await target.call("GET", `/v1/health/node/${name}`);
  const checks = answer.json<{ CheckID: string; Status: string }[]>();
  return Object.fromEntries(checks.map((check) => [check.CheckID, check.Status]));
};

export const servicesOf = (view: CatalogView | null): string[] =>
  Object.values(view?.Services ?? {}).map((service) => service.Service);
