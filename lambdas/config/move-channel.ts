import * as v from "valibot";
import type { Surroundings } from "../runtime/surroundings.ts";
import { task, wired } from "../runtime/task.ts";
import {
  nominateStored,
  promoteStored,
  rollBackChannel,
  withdrawCandidate,
} from "./publish-bundle.ts";
import { connectDesk, refusing } from "./publishing.ts";
import { summarizeMove } from "./rules/summarize-move.ts";

const input = v.object({
  order: v.object({
    action: v.picklist(["publish", "promote", "rollback", "withdraw"]),
    pool: v.string(),
    who: v.string(),
  }),
  /** What *Check bundle* has found good; withdrawing needs none. */
  bundle: v.optional(v.object({ sha256: v.string() })),
});

/** Moves the channel of a pool, by compare-and-swap. */
export const createHandler = (surroundings: Surroundings) => {
  const desk = connectDesk(surroundings);
  return task(surroundings, input, ({ order: { action, pool, who }, bundle }, { log }) =>
    refusing(async () => {
      const order = { pool, mover: { who, now: surroundings.clock.now() } };
      const move = () => {
        if (action === "withdraw") return withdrawCandidate(desk, order);
        const sha256 = bundle?.sha256 ?? "";
        if (action === "publish") return nominateStored(desk, order, sha256);
        return action === "promote"
          ? promoteStored(desk, order, sha256)
          : rollBackChannel(desk, order, sha256);
      };
      const summary = { pool, ...summarizeMove(await move()) };
      log.info("the channel", summary);
      return summary;
    }),
  );
};

export const handler = wired(createHandler);
