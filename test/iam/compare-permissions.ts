import { account, region } from "../../rehearsal/world.ts";
import type { Template } from "../../rehearsal/engine/intrinsics.ts";
import { listOf, readRoles } from "./read-roles.ts";
import { eventBridge, permissionOn, readServiceRoles } from "./service-roles.ts";

/** A permission of a task, as `retire/find-node secretsmanager:GetSecretValue`. */
export type Permission = `${string} ${string}`;

/** Permissions that no call of a test can use. */
export interface Excused {
  /** Of which tasks; all of them when it is left out. */
  readonly task?: RegExp;
  readonly action: RegExp;
  readonly reason: string;
}

const place = { region, account, stackName: "Drover" };

/** What Step Functions and EventBridge may do in the name of what the template deploys. */
const grantedToServices = (template: Template): Permission[] => {
  const services = readServiceRoles(template, place);
  return [
    ...services.all.flatMap((role) =>
      role.policies
        .flatMap(({ Statement }) => Statement)
        .filter(({ Effect }) => Effect === "Allow")
        .flatMap(({ Action, Resource }) =>
          listOf(Action).flatMap((action) =>
            listOf(Resource).map(
              (resource): Permission =>
                `${services.whoHas(role)} ${permissionOn(action, resource, services)}`,
            ),
          ),
        ),
    ),
    ...services.permissions.map(([action, resource, ruleArn]): Permission => {
      const on = services.taskOf(resource) === undefined ? ruleArn : resource;
      return `${eventBridge} ${permissionOn(action, on, services)}`;
    }),
  ];
};

/** All that the template's policies let the functions do, and AWS for what was deployed. */
export const grantedPermissions = (template: Template): Permission[] => {
  const roles = readRoles(template, place);
  const granted = roles.tasks.flatMap((task) =>
    roles
      .ofTask(task)
      .policies.flatMap(({ Statement }) => Statement)
      .filter(({ Effect }) => Effect === "Allow")
      .flatMap(({ Action }) => listOf(Action))
      .map((action): Permission => `${task} ${action}`),
  );
  return [...new Set([...granted, ...grantedToServices(template)])].toSorted();
};

const covers =
  (permission: Permission) =>
  ({ task, action }: Excused): boolean => {
    const [ofTask = "", ofAction = ""] = permission.split(" ");
    return (task?.test(ofTask) ?? true) && action.test(ofAction);
  };

/** What is granted and was never used, and excuses that excuse nothing any more. */
export const comparePermissions = (
  granted: readonly Permission[],
  used: ReadonlySet<string>,
  excuses: readonly Excused[],
): string[] => {
  const unused = granted.filter((permission) => !used.has(permission));
  return [
    ...unused
      .filter((permission) => !excuses.some(covers(permission)))
      .map(
        (permission) =>
          `${permission}: no test used it; take it out of infra/task-grants.ts, test what needs it, or give a reason in test/iam/excused-permissions.ts`,
      ),
    ...excuses
      .filter((excuse) => !unused.some((permission) => covers(permission)(excuse)))
      .map(
        ({ task, action }) =>
          `the excuse for ${task ? `${task.source} ` : ""}${action.source} excuses nothing: take it out of test/iam/excused-permissions.ts`,
      ),
  ];
};
