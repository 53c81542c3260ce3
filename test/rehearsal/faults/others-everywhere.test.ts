import { test } from "node:test";
import { accountFaults } from "../../../rehearsal/faults/account.ts";
import { clusterFaults } from "../../../rehearsal/faults/cluster.ts";
import { peopleFaults } from "../../../rehearsal/faults/people.ts";
import { coverRepairs, coverRetirements } from "./cover.ts";

const faults = [...clusterFaults, ...accountFaults, ...peopleFaults];

test("faults of the cluster, the account and people strike wherever they can in a retirement, and nothing breaks", (t) =>
  coverRetirements(t, faults));

test("faults of the cluster strike wherever they can in a repair, and nothing breaks", (t) =>
  coverRepairs(t, faults));
