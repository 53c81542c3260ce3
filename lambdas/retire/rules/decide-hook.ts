import type { PoolSettings } from "../../runtime/pool-settings.ts";
import type { Drain } from "../retirement.ts";

/**
 * Whether something was still on the node when its time was over, or it was lost
 * while it drained: somebody may want to look at what is left of it.
 */
export const isDrainFailed = (drain: Pick<Drain, "outcome"> | undefined): boolean =>
  drain?.outcome === "forced";

/**
 * How a hook is decided. ABANDON keeps the instance where the group's lifecycle
 * policy retains abandoned ones, which is what `retain` asks for.
 */
export const decideHook = (
  { onDrainFailure }: Pick<PoolSettings, "onDrainFailure">,
  hasFailed: boolean,
): "CONTINUE" | "ABANDON" => (hasFailed && onDrainFailure === "retain" ? "ABANDON" : "CONTINUE");
