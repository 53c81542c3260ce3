import * as v from "valibot";
import type { Surroundings } from "../runtime/surroundings.ts";
import { task, wired } from "../runtime/task.ts";
import { listBundles } from "./list-bundles.ts";
import { connectDesk, refusing } from "./publishing.ts";
import { describeBundles } from "./rules/describe-bundles.ts";

const input = v.object({ order: v.object({ pool: v.string() }) });

/** The state of an execution has at most 256 KiB; `drover bundles` shows all. */
const most = 20;

/** Shows the bundles of a pool: what `drover bundles` shows, with numbers in the place of machines. */
export const createHandler = (surroundings: Surroundings) => {
  const desk = connectDesk(surroundings);
  return task(surroundings, input, ({ order: { pool } }) =>
    refusing(async () => {
      const { bundles, machines, ...rest } = describeBundles(pool, await listBundles(desk, pool));
      return {
        ...rest,
        bundles: bundles
          .slice(0, most)
          .map((bundle) => ({ ...bundle, machines: bundle.machines.length })),
        notReady: machines.filter(({ state }) => state !== "ready").slice(0, most),
      };
    }),
  );
};

export const handler = wired(createHandler);
