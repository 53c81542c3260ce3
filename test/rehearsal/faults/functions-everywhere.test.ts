import { test } from "node:test";
import { eventFaults } from "../../../rehearsal/faults/events.ts";
import { functionFaults } from "../../../rehearsal/faults/functions.ts";
import { coverRepairs, coverRetirements } from "./cover.ts";

const faults = [...eventFaults, ...functionFaults];

test("faults of functions and events strike wherever they can in a retirement, and nothing breaks", (t) =>
  coverRetirements(t, faults));

test("faults of functions and events strike wherever they can in a repair, and nothing breaks", (t) =>
  coverRepairs(t, faults));
