import type { Excused } from "./compare-permissions.ts";

/** Permissions that are used where no test looks; each with the reason. */
export const excusedPermissions: readonly Excused[] = [
  {
    task: /\//,
    action: /^logs:(CreateLogStream|PutLogEvents)$/,
    reason: "Lambda writes the log of a function in its name; the code only prints.",
  },
  {
    action:
      /^ec2:(Assign|Unassign)PrivateIpAddresses$|^ec2:(Create|Delete|Describe)NetworkInterfaces?$|^ec2:DescribeSubnets$/,
    reason: "Lambda attaches a function to its VPC in its name; to the code itself it is denied.",
  },
  {
    task: /^drover-default-/,
    action: /^logs:/,
    reason: "Step Functions delivers the log of an execution in its name, and no log is emulated.",
  },
  {
    task: /^events\.amazonaws\.com$/,
    action: /^sqs:SendMessage\(/,
    reason:
      "EventBridge gives an event up when its target has taken nothing for hours: the emulated ones always take it.",
  },
];
