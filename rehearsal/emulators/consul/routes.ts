import { FilterSyntaxError, parseFilter } from "../hashicorp/filter.ts";
import { FilterEvaluationError, matchesFilter } from "../hashicorp/filter-evaluate.ts";
import { decodeGoBody, GoDecodeError } from "../hashicorp/go-json.ts";
import { HttpError } from "../hashicorp/http-error.ts";
import type { ConsulRights } from "./acl.ts";
import type { Catalog } from "./catalog.ts";
import type { Gossip } from "./gossip.ts";
import type { CatalogEntry, CatalogNode } from "./records.ts";
import { STATUS_NUMBERS } from "./records.ts";

/** A request as a route sees it. */
export interface ConsulCall {
  readonly name: string;
  readonly query: URLSearchParams;
  readonly rights: ConsulRights;
  readonly body: string;
}

const NODE_SUBJECT = { maps: new Set(["Meta", "TaggedAddresses"]) };

/** @throws HttpError 403, worded as Consul words it */
const refuse = (rights: ConsulRights, permission: string, on?: string): never => {
  throw new HttpError(
    403,
    `Permission denied: ${rights.who} lacks permission '${permission}'${on ? ` on "${on}"` : ""}`,
  );
};

/** The routes: what each changes or finds. ACLs leave rows out of reads silently. */
export const createConsulRoutes = (deps: {
  catalog: Catalog;
  gossip: Gossip;
  datacenter: string;
  version: string;
}) => {
  const { catalog, gossip, datacenter, version } = deps;

  const readable = (call: ConsulCall): CatalogEntry | undefined =>
    call.rights.node(call.name, "read") ? catalog.entries.get(call.name) : undefined;

  const readableServices = (call: ConsulCall, entry: CatalogEntry) =>
    call.rights.service("read") ? [...entry.services.values()] : [];

  const filterNodes = (nodes: CatalogNode[], text: string): CatalogNode[] => {
    if (text === "") return nodes;
    try {
      const expression = parseFilter(text);
      return nodes.filter((node) => matchesFilter(NODE_SUBJECT, expression, node));
    } catch (error) {
      if (error instanceof FilterSyntaxError || error instanceof FilterEvaluationError) {
        throw new HttpError(500, `Failed to create boolean expression evaluator: ${error.message}`);
      }
      throw error;
    }
  };

  return {
    forceLeave(call: ConsulCall): null {
      if (!call.rights.operator("write")) refuse(call.rights, "operator:write");
      if (!gossip.forceLeave(call.name, call.query.has("prune"))) {
        throw new HttpError(500, `agent: No node found with name '${call.name}'`);
      }
      return null;
    },

    deregister(call: ConsulCall): true {
      const { node, service, check } = decode(call.body);
      if (node === "") throw new HttpError(500, "Must provide node");
      if (!call.rights.node(node, "write")) refuse(call.rights, "node:write", node);
      if (service) catalog.deregisterService(node, service);
      else if (check) catalog.deregisterCheck(node, check);
      else {
        const wasThere = catalog.entries.has(node);
        catalog.deregister(node);
        if (wasThere) gossip.noteDeregistered(node);
      }
      return true;
    },

    nodes: (call: ConsulCall) =>
      filterNodes(
        [...catalog.entries.values()]
          .map(({ node }) => node)
          .filter((node) => call.rights.node(node.Node, "read"))
          .sort((one, other) => (one.Node < other.Node ? -1 : 1)),
        call.query.get("filter") ?? "",
      ),

    /** `null` for a node that is unknown, or that the token may not read. */
    node(call: ConsulCall) {
      const entry = readable(call);
      if (!entry) return null;
      const services = readableServices(call, entry).map((service) => [service.ID, service]);
      return { Node: entry.node, Services: Object.fromEntries(services) };
    },

    /** Instances of a service on all nodes, as far as the token may see both. */
    serviceNodes: (call: ConsulCall) =>
      call.rights.service("read")
        ? [...catalog.entries.values()]
            .filter(({ node }) => call.rights.node(node.Node, "read"))
            .flatMap(({ node, services }) =>
              [...services.values()]
                .filter(({ Service }) => Service === call.name)
                .map(({ ID, Service, Tags }) => ({
                  ...node,
                  ServiceID: ID,
                  ServiceName: Service,
                  ServiceTags: Tags,
                })),
            )
        : [],

    nodeServices(call: ConsulCall) {
      const entry = readable(call);
      if (!entry) return { Node: null, Services: null };
      return { Node: entry.node, Services: readableServices(call, entry) };
    },

    checks: (call: ConsulCall) => [...(readable(call)?.checks.values() ?? [])],

    members: (call: ConsulCall) =>
      [...gossip.members.values()]
        .filter((member) => call.rights.node(member.name, "read"))
        .map((member) => ({
          Name: member.name,
          Addr: member.address,
          Port: 8301,
          Tags: { build: version, dc: datacenter, id: member.nodeId, role: "node", segment: "" },
          Status: STATUS_NUMBERS[member.status],
          ProtocolMin: 1,
          ProtocolMax: 5,
          ProtocolCur: 2,
          DelegateMin: 2,
          DelegateMax: 5,
          DelegateCur: 4,
        })),
  };
};

const decode = (body: string): { node: string; service: string; check: string } => {
  try {
    const fields = decodeGoBody(body);
    return {
      node: fields.string("Node") ?? "",
      service: fields.string("ServiceID") ?? "",
      check: fields.string("CheckID") ?? "",
    };
  } catch (error) {
    if (!(error instanceof GoDecodeError)) throw error;
    throw new HttpError(400, `Request decode failed: ${error.message}`);
  }
};
