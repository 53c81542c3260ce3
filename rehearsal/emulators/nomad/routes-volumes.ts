import { HttpError } from "../hashicorp/http-error.ts";
import { type Call, forbid, type Reading } from "./answers.ts";
import type { Allocation, Volume } from "./records.ts";
import type { State, Topic } from "./state.ts";
import { viewAllocationStub } from "./views.ts";

const viewStub = (volume: Volume) => ({
  ID: volume.ID,
  Namespace: volume.Namespace,
  Name: volume.ID,
  ExternalID: volume.ID,
  PluginID: volume.PluginID,
  Provider: volume.PluginID,
  Schedulable: true,
  CurrentReaders: 0,
  CurrentWriters: volume.claims.size,
});

/** CSI volumes. */
export const createVolumeReads = (state: State) => {
  const topics: readonly Topic[] = ["volumes", "allocs"];
  const namespaceOf = (call: Call) => call.query.get("namespace") ?? "default";
  const requireAny = (call: Call, capabilities: readonly string[]) => {
    const namespace = namespaceOf(call);
    if (!capabilities.some((capability) => call.rights.can(namespace, capability))) forbid();
  };

  /** By node: the volumes of allocations that run there or are meant to, not the claims. */
  const list = (call: Call): Reading => {
    const index = state.tableIndex("volumes");
    if (!call.query.has("type")) return { index, topics, body: [] };
    if (call.query.get("type") !== "csi") return { index, topics, body: null };
    requireAny(call, ["csi-list-volume", "csi-read-volume", "csi-mount-volume", "list-jobs"]);
    const namespace = namespaceOf(call);
    const nodeId = call.query.get("node_id") ?? "";
    const isUsedThere = (volume: Volume) =>
      [...volume.users].some((id) => {
        const alloc = state.allocs.get(id);
        return (
          alloc?.NodeID === nodeId &&
          (alloc.DesiredStatus === "run" || alloc.ClientStatus === "running")
        );
      });
    const rows = [...state.volumes.values()].filter(
      (volume) =>
        (namespace === "*" || volume.Namespace === namespace) &&
        (nodeId === "" || isUsedThere(volume)),
    );
    return { index, topics, body: rows.map(viewStub) };
  };

  /** One volume, with the allocations that still claim it. */
  const read = (call: Call): Reading => {
    requireAny(call, ["csi-read-volume", "csi-mount-volume", "read-job"]);
    const id = decodeURIComponent(call.params[0] ?? "");
    const volume = state.volumes.get(`${namespaceOf(call)}/${id}`);
    const index = state.tableIndex("volumes");
    if (!volume) {
      return { index, topics, body: null, missing: new HttpError(404, "volume not found") };
    }
    const claiming = [...volume.claims]
      .map((claim) => state.allocs.get(claim))
      .filter((alloc): alloc is Allocation => alloc !== undefined);
    return {
      index,
      topics,
      body: {
        ...viewStub(volume),
        AccessMode: "single-node-writer",
        AttachmentMode: "file-system",
        ReadAllocs: {},
        WriteAllocs: Object.fromEntries(claiming.map((alloc) => [alloc.ID, null])),
        Allocations: claiming.map(viewAllocationStub),
      },
    };
  };

  return { list, read };
};
