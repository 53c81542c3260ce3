import { test } from "node:test";
import { serviceFaults } from "../../../rehearsal/faults/services.ts";
import { coverRepairs, coverRetirements } from "./cover.ts";

const faults = [...serviceFaults];

test("faults of AWS strike wherever they can in a retirement, and nothing breaks", (t) =>
  coverRetirements(t, faults));

test("faults of AWS strike wherever they can in a repair, and nothing breaks", (t) =>
  coverRepairs(t, faults));
