import * as v from "valibot";
import { connectCluster } from "../clients/cluster.ts";
import { task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { readDrains } from "./read-drains.ts";
import { node, retirement } from "./retirement.ts";

const input = v.object({ ...retirement.entries, node: v.optional(node) });

/** Counts anew what *cordon node* has counted first: it changes while a node waits for its slot. */
export const createHandler = (surroundings: Surroundings) => {
  const { nomad } = connectCluster(surroundings);
  return task(surroundings, input, async ({ node }) => readDrains(nomad, node?.id));
};

export const handler = wired(createHandler);
