import type { Agenda } from "../../agenda.ts";
import { between } from "../../random.ts";
import { findGroupSpec, type JobSpec } from "./job-spec.ts";
import type { Allocation } from "./records.ts";
import { isClientTerminal } from "./records.ts";
import type { State } from "./state.ts";

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
      agenda.after(between(random, [1000, 3000]), () => {
        // The watcher must look the node up to unpublish: purged, it pins the claim for ever.
        if (!state.nodes.has(alloc.NodeID) || !volume.claims.delete(alloc.ID)) return;
        state.putVolume(volume);
      });
    }
  });

  return {
    add(id: string, options: { namespace?: string; plugin?: string } = {}) {
      state.putVolume({
        ID: id,
        Namespace: options.namespace ?? "default",
        PluginID: options.plugin ?? "ebs",
        users: new Set(),
        claims: new Set(),
      });
    },
  };
};
