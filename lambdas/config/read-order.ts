import * as v from "valibot";
import type { Surroundings } from "../runtime/surroundings.ts";
import { task, wired } from "../runtime/task.ts";
import { parseOrder } from "./rules/parse-order.ts";

const input = v.object({
  input: v.unknown(),
  /** The name of the execution, by which the history finds it where nobody is named. */
  execution: v.string(),
});

/** Reads what the run is asked for, with every fault at once. */
export const createHandler = (surroundings: Surroundings) =>
  task(surroundings, input, ({ input: asked, execution }) => {
    const order = parseOrder(asked);
    const by = "by" in order ? order.by : undefined;
    return Promise.resolve({ ...order, who: by ?? `publish-bundle ${execution}` });
  });

export const handler = wired(createHandler);
