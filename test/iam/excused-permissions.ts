import type { Excused } from "./compare-permissions.ts";

/** Permissions that are used where no test looks; each with the reason. */
export const excusedPermissions: readonly Excused[] = [
  {
    action: /^logs:(CreateLogStream|PutLogEvents)$/,
    reason: "Lambda writes the log of a function in its name; the code only prints.",
  },
  {
    action:
      /^ec2:(Assign|Unassign)PrivateIpAddresses$|^ec2:(Create|Delete|Describe)NetworkInterfaces?$|^ec2:DescribeSubnets$/,
    reason: "Lambda attaches a function to its VPC in its name; to the code itself it is denied.",
  },
  {
    task: /^intake\/intake$/,
    action: /^sqs:SendMessage$/,
    reason: "Lambda sends what the function could not handle to the dead letters in its name.",
  },
];
