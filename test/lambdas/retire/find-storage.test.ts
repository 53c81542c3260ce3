import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Allocation, VolumeRequest } from "../../../lambdas/clients/nomad.ts";
import { findStorage } from "../../../lambdas/retire/find-storage.ts";

type Group = NonNullable<Allocation["Job"]>["TaskGroups"][number];

const allocation = (groups: Group[], changes: Partial<Allocation> = {}): Allocation => ({
  ID: "a-1",
  Name: "web.main[0]",
  Namespace: "default",
  NodeID: "n-1",
  JobID: "web",
  TaskGroup: "main",
  DesiredStatus: "run",
  ClientStatus: "running",
  TaskStates: null,
  NextAllocation: "",
  CreateTime: 0,
  ModifyTime: 0,
  Job: { Type: "service", TaskGroups: groups },
  ...changes,
});
const group = (changes: Partial<Group> = {}): Group => ({
  Name: "main",
  EphemeralDisk: null,
  Volumes: null,
  ...changes,
});
const csi = (Source: string, PerAlloc = false): VolumeRequest => ({
  Type: "csi",
  Source,
  PerAlloc,
});

/** What is found where Nomad tells of these allocations, asked once. */
const find = async (...allocations: Allocation[]) => {
  const asked: string[] = [];
  const nomad = {
    fullAllocations: (nodeId: string) => {
      asked.push(nodeId);
      return Promise.resolve(allocations);
    },
  };
  const found = await findStorage(nomad, "n-1");
  assert.deepEqual(asked, ["n-1"]);
  return found;
};
const nothing = { volumes: [], migratingDisks: [] };
const migrating = group({ EphemeralDisk: { Sticky: true, Migrate: true } });

describe("what allocations store on a node", () => {
  test("is read once for the whole node, whatever runs there", async () => {
    assert.deepEqual(await find(), nothing);
    const data = (name: string) => [group({ Volumes: { v: csi(name) } })];
    const { volumes } = await find(
      allocation(data("web")),
      allocation(data("api"), { ID: "2", JobID: "api" }),
      allocation(data("web"), { ID: "3", Namespace: "other" }),
      // An older version of the same job.
      allocation(data("old"), { ID: "4" }),
    );
    assert.deepEqual(volumes, [
      { id: "web", namespace: "default" },
      { id: "api", namespace: "default" },
      { id: "web", namespace: "other" },
      { id: "old", namespace: "default" },
    ]);
  });

  test("is of what is live: what has ended needs nothing any more", async () => {
    const storing = group({
      EphemeralDisk: { Sticky: true, Migrate: true },
      Volumes: { v: csi("v") },
    });
    for (const ClientStatus of ["complete", "failed", "lost"] as const)
      assert.deepEqual(await find(allocation([storing], { ClientStatus })), nothing);
    for (const ClientStatus of ["pending", "running", "unknown"] as const)
      assert.deepEqual(await find(allocation([storing], { ClientStatus })), {
        volumes: [{ id: "v", namespace: "default" }],
        migratingDisks: [{ allocation: "a-1", namespace: "default" }],
      });
  });

  test("are volumes of their own group, each once, of CSI alone", async () => {
    const groups = [
      group({
        Volumes: { data: csi("data"), host: { Type: "host", Source: "h", PerAlloc: false } },
      }),
      group({ Name: "side", Volumes: { other: csi("other") } }),
    ];
    const { volumes } = await find(allocation(groups), allocation(groups, { ID: "2" }));
    assert.deepEqual(volumes, [{ id: "data", namespace: "default" }]);
  });

  test("are volumes of single allocations by their index", async () => {
    const groups = [group({ Volumes: { data: csi("data", true) } })];
    const { volumes } = await find(
      allocation(groups, { Name: "web.main[3]" }),
      allocation(groups, { ID: "2", Name: "web.main[11]" }),
    );
    assert.deepEqual(
      volumes.map(({ id }) => id),
      ["data[3]", "data[11]"],
    );
  });

  test("are ephemeral disks that migrate, not those that only stick", async () => {
    const sticking = group({ EphemeralDisk: { Sticky: true, Migrate: false } });
    assert.deepEqual((await find(allocation([migrating]))).migratingDisks, [
      { allocation: "a-1", namespace: "default" },
    ]);
    assert.deepEqual((await find(allocation([sticking]))).migratingDisks, []);
  });

  test("is nothing where the job is gone", async () => {
    assert.deepEqual(await find(allocation([], { Job: null })), nothing);
  });

  test("does not grow the payload without a bound", async () => {
    const groups = [
      group({ EphemeralDisk: { Sticky: true, Migrate: true }, Volumes: { d: csi("d", true) } }),
    ];
    const many = Array.from({ length: 250 }, (_, n) =>
      allocation(groups, { ID: `${n}`, Name: `web.main[${n}]` }),
    );
    const { volumes, migratingDisks } = await find(...many);
    assert.deepEqual([volumes.length, migratingDisks.length], [100, 100]);
  });
});
