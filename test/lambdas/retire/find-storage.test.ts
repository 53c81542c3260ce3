import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Allocation, AllocationStub, VolumeRequest } from "../../../lambdas/clients/nomad.ts";
import { findStorage } from "../../../lambdas/retire/find-storage.ts";

type Group = NonNullable<Allocation["Job"]>["TaskGroups"][number];

const stub = (changes: Partial<AllocationStub> = {}): AllocationStub => ({
  ID: "a-1",
  Name: "web.main[0]",
  Namespace: "default",
  NodeID: "n-1",
  JobID: "web",
  JobType: "service",
  TaskGroup: "main",
  DesiredStatus: "run",
  ClientStatus: "running",
  TaskStates: null,
  NextAllocation: "",
  CreateTime: 0,
  ModifyTime: 0,
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

/** Nomad with these groups in every job; says what was read. */
const nomadWith = (...groups: Group[]) => {
  const read: string[] = [];
  return {
    read,
    fullAllocations: (nodeId: string) => {
      read.push(nodeId);
      const ids = Array.from({ length: 250 }, (_, id) => `${id}`);
      return Promise.resolve(
        ["a-1", ...ids].map((ID) => ({ ...stub({ ID }), Job: { TaskGroups: groups } })),
      );
    },
  };
};

describe("what allocations store on a node", () => {
  test("is read once for the whole node, and not where nothing runs", async () => {
    const nomad = nomadWith(group());
    await findStorage(nomad, "n-1", [
      stub({ ID: "1" }),
      stub({ ID: "2" }),
      stub({ ID: "3", JobID: "api" }),
      stub({ ID: "4", Namespace: "other" }),
      stub({ ID: "5", TaskGroup: "side" }),
    ]);
    assert.deepEqual(nomad.read, ["n-1"]);
    await findStorage(nomad, "n-2", []);
    assert.deepEqual(nomad.read, ["n-1"]);
  });

  test("are volumes of their own group, each once, of CSI alone", async () => {
    const nomad = nomadWith(
      group({
        Volumes: { data: csi("data"), host: { Type: "host", Source: "h", PerAlloc: false } },
      }),
      group({ Name: "side", Volumes: { other: csi("other") } }),
    );
    const { volumes } = await findStorage(nomad, "n-1", [stub({ ID: "1" }), stub({ ID: "2" })]);
    assert.deepEqual(volumes, [{ id: "data", namespace: "default" }]);
  });

  test("are volumes of single allocations by their index", async () => {
    const nomad = nomadWith(group({ Volumes: { data: csi("data", true) } }));
    const { volumes } = await findStorage(nomad, "n-1", [
      stub({ ID: "1", Name: "web.main[3]" }),
      stub({ ID: "2", Name: "web.main[11]" }),
    ]);
    assert.deepEqual(
      volumes.map(({ id }) => id),
      ["data[3]", "data[11]"],
    );
  });

  test("are ephemeral disks that migrate, not those that only stick", async () => {
    const migrating = nomadWith(group({ EphemeralDisk: { Sticky: true, Migrate: true } }));
    const sticking = nomadWith(group({ EphemeralDisk: { Sticky: true, Migrate: false } }));
    assert.deepEqual((await findStorage(migrating, "n-1", [stub()])).migratingDisks, [
      { allocation: "a-1", namespace: "default" },
    ]);
    assert.deepEqual((await findStorage(sticking, "n-1", [stub()])).migratingDisks, []);
  });

  test("is nothing where the allocation or its job is gone meanwhile", async () => {
    const gone = { fullAllocations: () => Promise.resolve([]) };
    const jobless = { fullAllocations: () => Promise.resolve([{ ...stub(), Job: null }]) };
    for (const nomad of [gone, jobless])
      assert.deepEqual(await findStorage(nomad, "n-1", [stub()]), {
        volumes: [],
        migratingDisks: [],
      });
  });

  test("does not grow the payload without a bound", async () => {
    const nomad = nomadWith(
      group({ EphemeralDisk: { Sticky: true, Migrate: true }, Volumes: { d: csi("d", true) } }),
    );
    const many = Array.from({ length: 250 }, (_, n) =>
      stub({ ID: `${n}`, Name: `web.main[${n}]` }),
    );
    const { volumes, migratingDisks } = await findStorage(nomad, "n-1", many);
    assert.deepEqual([volumes.length, migratingDisks.length], [100, 100]);
  });
});
