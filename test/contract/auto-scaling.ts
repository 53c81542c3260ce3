import { otherCases } from "./auto-scaling-asides.ts";
import { capacityCases } from "./auto-scaling-capacity.ts";
import { eventCases } from "./auto-scaling-events.ts";
import { hookCases } from "./auto-scaling-hooks.ts";
import type { AutoScalingCase } from "./auto-scaling-target.ts";

/** What Drover believes of Amazon EC2 Auto Scaling. */
export const autoScalingContract: readonly AutoScalingCase[] = [
  ...hookCases,
  ...eventCases,
  ...capacityCases,
  ...otherCases,
];
