import * as v from "valibot";
import { type Cluster, connectCluster } from "../clients/cluster.ts";
import { ClusterFailure } from "../clients/cluster-api.ts";
import { reportFailure, task, wired } from "../runtime/task.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { forgetInConsul, forgetInNomad } from "./forgetting.ts";
import { cordon, type Forgotten, forgotten, node, retirement } from "./retirement.ts";
import { growingWaitSeconds } from "./rules/deadlines.ts";

const input = v.object({
  ...retirement.entries,
  node,
  cordon: v.optional(cordon),
  forgotten: v.optional(forgotten),
});

/**
 * When a live agent would have come back: Nomad's within 12 s, Consul's catalog
 * entries within 84 s (tried; nomad-consul.md).
 */
export const lookAgainSeconds = 90;

/**
 * The bounds of the pause while Nomad or Consul cannot be reached, in seconds;
 * with its jitter below the five minutes in which the alarms want to hear of it.
 */
const pause = { least: 30, most: 200 };
const giveUpSeconds = 24 * 3600;

/** One that never joined in time may have joined since. */
const knownOrFound = async (
  { nomad }: Cluster,
  { node, instanceId }: Pick<v.InferOutput<typeof input>, "node" | "instanceId">,
): Promise<{ readonly id?: string | undefined; readonly member?: string | undefined }> => {
  if (node.id) return node;
  const [late] = await nomad.findNodes(instanceId);
  if (!late) return {};
  const full = await nomad.readNode(late.ID);
  return { id: late.ID, member: full?.value.Attributes["unique.consul.name"] };
};

/** Makes Consul and Nomad forget the machine, which has ended by now. */
export const createHandler = (surroundings: Surroundings) => {
  const cluster = connectCluster(surroundings);
  const { clock, random } = surroundings;

  return task(surroundings, input, async (retirement, { log, metrics }): Promise<Forgotten> => {
    const now = clock.now();
    const since = retirement.forgotten?.since ?? new Date(now).toISOString();
    if (retirement.settings.observeOnly) {
      const explanation = "The pool is observe-only: Nomad and Consul are left alone.";
      const both = { nomad: "left alone", consul: "left alone" } as const;
      return { done: true, since, explanation, waitSeconds: 0, ...both };
    }
    const waited = (now - Date.parse(since)) / 1000;
    if (waited > giveUpSeconds) {
      throw new Error(`not forgotten within a day: ${retirement.forgotten?.explanation ?? ""}`);
    }
    const failures: ClusterFailure[] = [];
    // Nomad is not made to wait for Consul, nor Consul for Nomad.
    const attempt = async <T>(forget: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await forget();
      } catch (error) {
        if (!(error instanceof ClusterFailure) || error.kind === "rejected") throw error;
        reportFailure(metrics, retirement.pool, error);
        failures.push(error);
        return undefined;
      }
    };
    const node = await attempt(() => knownOrFound(cluster, retirement));
    const volumes = retirement.cordon?.volumes ?? [];
    const consul = node && (await attempt(() => forgetInConsul(cluster, node.member)));
    const nomad = node && (await attempt(() => forgetInNomad(cluster, node.id, volumes)));
    const done = failures.length === 0;
    const explanation = done
      ? nomad === "left to garbage collection"
        ? "A CSI volume still names the node: it is left to Nomad's own garbage collection."
        : "Forgotten; looks once more whether anything comes back."
      : failures.map(({ message }) => `${message}.`).join(" ");
    log.info(explanation, { nomad, consul });
    return {
      done,
      since,
      explanation,
      waitSeconds: done ? lookAgainSeconds : growingWaitSeconds(waited, pause, random),
      nomad: nomad ?? "to do",
      consul: consul ?? "to do",
    };
  });
};

export const handler = wired(createHandler);
