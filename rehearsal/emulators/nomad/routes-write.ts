import { HttpError } from "../hashicorp/http-error.ts";
import { decodeGoBody, GoDecodeError, type GoBody } from "../hashicorp/go-json.ts";
import { type Call, forbid } from "./answers.ts";
import type { Fleet } from "./fleet.ts";
import type { NodeWrites } from "./nodes.ts";
import type { Node } from "./records.ts";
import type { Scheduler } from "./scheduler.ts";
import type { State } from "./state.ts";

export interface Written {
  readonly index: number;
  readonly body: unknown;
}

const decode = (body: string): GoBody => {
  try {
    return decodeGoBody(body);
  } catch (error) {
    if (error instanceof GoDecodeError) throw new HttpError(400, error.message);
    throw error;
  }
};

/** Type errors of single fields show when they are read. */
const reading = <Result>(read: () => Result): Result => {
  try {
    return read();
  } catch (error) {
    if (error instanceof GoDecodeError) throw new HttpError(400, error.message);
    throw error;
  }
};

const written = (index: number): Written => ({
  index,
  body: { EvalIDs: null, EvalCreateIndex: 0, NodeModifyIndex: index, Index: index },
});

/** The writes to nodes. */
export const createRouteWrites = (deps: {
  state: State;
  writes: NodeWrites;
  scheduler: Scheduler;
  fleet: Fleet;
}) => {
  const { state, writes, scheduler, fleet } = deps;

  /** Unlike a read, a write to a node that is not there is a server error. */
  const requireNode = (call: Call, id = call.params[0] ?? ""): Node => {
    if (!call.rights.canWriteNodes()) forbid();
    if (id.length !== 36) {
      throw new HttpError(500, "node lookup failed: index error: UUID must be 36 characters");
    }
    const node = state.nodes.get(id);
    if (!node) throw new HttpError(500, "node not found");
    return node;
  };

  const noteEligible = (node: Node) => {
    if (node.SchedulingEligibility !== "eligible") return;
    scheduler.evaluateNode(node);
    scheduler.unblock();
  };

  return {
    drain(call: Call): Written {
      const request = reading(() => {
        const body = decode(call.body);
        const spec = body.object("DrainSpec");
        return {
          spec: spec && {
            deadline: spec.integer("Deadline") ?? 0,
            ignoreSystemJobs: spec.boolean("IgnoreSystemJobs") ?? false,
          },
          markEligible: body.boolean("MarkEligible") ?? false,
          meta: body.stringMap("Meta"),
        };
      });
      const node = requireNode(call);
      const index = writes.requestDrain(node, { ...request, accessor: call.rights.accessor });
      noteEligible(node);
      return written(index);
    },

    eligibility(call: Call): Written {
      const request = reading(() => {
        const body = decode(call.body);
        return { nodeId: body.string("NodeID"), eligibility: body.string("Eligibility") ?? "" };
      });
      const { eligibility } = request;
      if (!call.rights.canWriteNodes()) forbid();
      if (eligibility !== "eligible" && eligibility !== "ineligible") {
        throw new HttpError(500, `invalid scheduling eligibility "${eligibility}"`);
      }
      const node = requireNode(call, request.nodeId || call.params[0]);
      if (node.DrainStrategy && eligibility === "eligible") {
        throw new HttpError(
          500,
          "can not set node's scheduling eligibility to eligible while it is draining",
        );
      }
      if (node.SchedulingEligibility === eligibility) return written(0);
      const index = writes.setEligibility(node, eligibility);
      noteEligible(node);
      return written(index);
    },

    purge(call: Call): Written {
      const node = requireNode(call);
      const index = state.removeNode(node);
      scheduler.evaluateNode(node);
      fleet.notePurge(node.ID);
      return written(index);
    },
  };
};
