import type { Agenda } from "../../agenda.ts";
import { between } from "../../random.ts";
import { findGroupSpec, type JobSpec } from "./job-spec.ts";
import type { Allocation } from "./records.ts";
import { isClientTerminal } from "./records.ts";
import type { State } from "./state.ts";

export interface VolumeOptions {
  readonly namespace?: string;
  readonly plugin?: string;
  /** How long the plugin's controller takes to detach the volume. @default random, 1 to 3 */
  readonly releaseSeconds?: number;
}

/** CSI volumes and who claims them. */
export const createVolumes = (deps: {
  state: State;
  agenda: Agenda;
  random: () => number;
  specOf: (alloc: Allocation) => JobSpec;
}) => {
  const { state, agenda, random, specOf } = deps;

  const volumeOf = (alloc: Allocation) => {
    const id = findGroupSpec(specOf(alloc), alloc.TaskGroup).volume;
    return id === undefined ? undefined : state.volumes.get(`${alloc.Namespace}/${id}`);
  };

  state.onAlloc((alloc) => {
    const volume = volumeOf(alloc);
    if (!volume) return;
    if (!isClientTerminal(alloc) && !volume.users.has(alloc.ID)) {
      volume.users.add(alloc.ID);
      volume.claims.add(alloc.ID);
      state.putVolume(volume);
    } else if (isClientTerminal(alloc) && volume.claims.has(alloc.ID)) {
      const { releaseSeconds } = volume;
      const after =
        releaseSeconds === undefined ? between(random, [1000, 3000]) : releaseSeconds * 1000;
      agenda.after(after, () => {
        // The watcher must look the node up to unpublish: purged, it pins the claim for ever.
        if (!state.nodes.has(alloc.NodeID) || !volume.claims.delete(alloc.ID)) return;
        state.putVolume(volume);
      });
    }
  });

  return {
    add(id: string, options: VolumeOptions = {}) {
      state.putVolume({
        ID: id,
        Namespace: options.namespace ?? "default",
        PluginID: options.plugin ?? "ebs",
        users: new Set(),
        claims: new Set(),
        ...(options.releaseSeconds !== undefined && { releaseSeconds: options.releaseSeconds }),
      });
    },

    /** Volumes whose claims name a node, as `namespace/id`. */
    naming: (nodeId: string): string[] =>
      [...state.volumes.values()]
        .filter(({ claims }) =>
          [...claims].some((claim) => state.allocs.get(claim)?.NodeID === nodeId),
        )
        .map(({ Namespace, ID }) => `${Namespace}/${ID}`),
  };
};
