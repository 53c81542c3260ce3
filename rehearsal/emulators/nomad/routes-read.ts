import { HttpError } from "../hashicorp/http-error.ts";
import { type Call, forbid, type Reading } from "./answers.ts";
import type { Allocation, Node } from "./records.ts";
import { type RowIndex, selectRows } from "./rows.ts";
import type { State, Topic } from "./state.ts";
import {
  viewAllocation,
  viewAllocationStub,
  viewJobStub,
  viewNode,
  viewNodeStub,
} from "./views.ts";

const NODE_SUBJECT = {
  maps: new Set(["Attributes", "Meta", "Links", "Drivers", "HostVolumes", "CSINodePlugins"]),
  opaque: new Set(["DrainStrategy"]),
};
const ALLOC_SUBJECT = { maps: new Set(["TaskStates"]) };
const INSTANCE_ATTRIBUTE = ["Attributes", "unique.platform.aws.instance-id"];

/** Ids are looked up as UUIDs; anything else is an error of the store. */
const requireUuid = (id: string, table: string) => {
  if (id.length !== 36) {
    throw new HttpError(500, `${table} lookup failed: index error: UUID must be 36 characters`);
  }
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) {
    throw new HttpError(500, `${table} lookup failed: index error: Invalid UUID: ${id}`);
  }
};

/** The reads. Each may be asked with `index` and then waits for a change. */
export const createReads = (state: State) => {
  const nodeIndexes: RowIndex<Node>[] = [
    { path: INSTANCE_ATTRIBUTE, find: (value) => state.nodesByInstance(value) },
    { path: ["Name"], find: (value) => state.nodesByName(value) },
    { path: ["Meta", "instance-id"], find: (value) => state.nodesByMeta(value) },
    {
      path: ["ID"],
      find: (value) => [state.nodes.get(value)].filter((node) => node !== undefined),
    },
    {
      path: ["SchedulingEligibility"],
      find: (value) =>
        value === "ineligible"
          ? state.ineligible
          : [...state.nodes.values()].filter((node) => node.SchedulingEligibility === value),
    },
  ];
  const allocIndexes: RowIndex<Allocation>[] = [
    { path: ["NodeID"], find: (value) => state.allocsByNode(value) },
    {
      path: ["ID"],
      find: (value) => [state.allocs.get(value)].filter((alloc) => alloc !== undefined),
    },
  ];

  /** Lists of nodes by what was asked, since they last changed: hundreds ask the same. */
  const lists = new Map<string, Reading>();
  let listedAt = -1;

  const nodes = (call: Call): Reading => {
    if (!call.rights.canReadNodes()) forbid();
    const index = state.tableIndex("nodes");
    if (index !== listedAt) lists.clear();
    listedAt = index;
    const asked = ["filter", "prefix", "next_token", "per_page"]
      .map((name) => JSON.stringify(call.query.get(name)))
      .join();
    const known = lists.get(asked) ?? listNodes(call);
    lists.set(asked, known);
    return known;
  };

  const listNodes = (call: Call): Reading => {
    const { rows, nextToken } = selectRows({
      query: call.query,
      subject: NODE_SUBJECT,
      all: () => state.nodes.values(),
      indexes: nodeIndexes,
      tokenOf: (node) => node.ID,
    });
    const body = rows.map(viewNodeStub);
    return {
      index: state.tableIndex("nodes"),
      topics: ["nodes"],
      body,
      text: JSON.stringify(body),
      nextToken,
    };
  };

  const node = (call: Call): Reading => {
    if (!call.rights.canReadNodes()) forbid();
    const id = call.params[0] ?? "";
    requireUuid(id, "node");
    const found = state.nodes.get(id);
    if (found) {
      return { index: found.ModifyIndex, topics: [`node:${id}`], body: viewNode(found) };
    }
    return {
      index: state.tableIndex("nodes"),
      topics: ["nodes"],
      body: null,
      missing: new HttpError(404, "node not found"),
    };
  };

  /** Whole allocations, each with its job; those of unreadable namespaces are left out silently. */
  const nodeAllocations = (call: Call): Reading => {
    if (!call.rights.canReadNodes()) forbid();
    const id = call.params[0] ?? "";
    requireUuid(id, "alloc");
    const allocs = [...state.allocsByNode(id)];
    return {
      index:
        allocs.length > 0
          ? Math.max(...allocs.map((alloc) => alloc.ModifyIndex))
          : state.tableIndex("allocs"),
      topics: [`node-allocs:${id}`],
      body: allocs
        .filter((alloc) => call.rights.can(alloc.Namespace, "read-job"))
        .map(viewAllocation),
    };
  };

  const allocations = (call: Call): Reading => {
    const namespace = call.query.get("namespace") ?? "default";
    if (!call.rights.can(namespace, "read-job")) forbid();
    const { rows, nextToken } = selectRows({
      query: call.query,
      subject: ALLOC_SUBJECT,
      all: () => state.allocs.values(),
      indexes: allocIndexes,
      allowed: (alloc) =>
        (namespace === "*" || alloc.Namespace === namespace) &&
        call.rights.can(alloc.Namespace, "read-job"),
      tokenOf: (alloc) => `${String(alloc.CreateIndex).padStart(12, "0")}.${alloc.ID}`,
    });
    return {
      index: state.tableIndex("allocs"),
      topics: ["allocs"],
      body: rows.map(viewAllocationStub),
      nextToken,
    };
  };

  const allocation = (call: Call): Reading => {
    const id = call.params[0] ?? "";
    requireUuid(id, "alloc");
    const found = state.allocs.get(id);
    const topics: Topic[] = [`alloc:${id}`];
    if (found && call.rights.can(found.Namespace, "read-job")) {
      return { index: found.ModifyIndex, topics, body: viewAllocation(found) };
    }
    if (found) throw new HttpError(404, "alloc not found");
    const missing = new HttpError(404, "alloc not found");
    return { index: state.tableIndex("allocs"), topics: ["allocs"], body: null, missing };
  };

  const job = (call: Call): Reading => {
    const namespace = call.query.get("namespace") ?? "default";
    if (!call.rights.can(namespace, "read-job")) forbid();
    const found = state.jobs.get(`${namespace}/${decodeURIComponent(call.params[0] ?? "")}`);
    const missing = new HttpError(404, "job not found");
    return {
      index: found?.ModifyIndex ?? state.tableIndex("jobs"),
      topics: ["jobs"],
      body: found ?? null,
      ...(found ? {} : { missing }),
    };
  };

  /** Unlike its other reads of jobs this one asks for the right to list them. */
  const jobs = (call: Call): Reading => {
    const namespace = call.query.get("namespace") ?? "default";
    if (!call.rights.can(namespace, "list-jobs")) forbid();
    const { rows, nextToken } = selectRows({
      query: call.query,
      subject: { maps: new Set() },
      all: () => state.jobs.values(),
      indexes: [],
      allowed: (row) =>
        (namespace === "*" || row.Namespace === namespace) &&
        call.rights.can(row.Namespace, "list-jobs"),
      tokenOf: (row) => `${row.Namespace}.${row.ID}`,
    });
    const body = rows.map(viewJobStub);
    return { index: state.tableIndex("jobs"), topics: ["jobs"], body, nextToken };
  };

  const deployments = (call: Call): Reading => {
    const namespace = call.query.get("namespace") ?? "default";
    if (!call.rights.can(namespace, "read-job")) forbid();
    const { rows, nextToken } = selectRows({
      query: call.query,
      subject: { maps: new Set(["TaskGroups"]) },
      all: () => state.deployments.values(),
      indexes: [],
      allowed: (row) =>
        (namespace === "*" || row.Namespace === namespace) &&
        call.rights.can(row.Namespace, "read-job"),
      tokenOf: (row) => `${String(row.CreateIndex).padStart(12, "0")}.${row.ID}`,
    });
    return {
      index: state.tableIndex("deployments"),
      topics: ["deployments"],
      body: rows,
      nextToken,
    };
  };

  const jobDeployments = (call: Call): Reading => {
    const namespace = call.query.get("namespace") ?? "default";
    if (!call.rights.can(namespace, "read-job")) forbid();
    const id = decodeURIComponent(call.params[0] ?? "");
    return {
      index: state.tableIndex("deployments"),
      topics: ["deployments"],
      body: [...state.deploymentsByJob(`${namespace}/${id}`)],
    };
  };

  return {
    nodes,
    node,
    nodeAllocations,
    allocations,
    allocation,
    job,
    jobs,
    deployments,
    jobDeployments,
  };
};
