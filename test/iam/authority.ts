import type { AccountView, Authority, AwsCall } from "../../rehearsal/world/authorisation.ts";
import { evaluate } from "./evaluate.ts";
import { readRoles, type Role } from "./read-roles.ts";
import { type Required, requiredPermissions } from "./required-permissions.ts";

/** Who hears of what was allowed and denied. */
export interface Journal {
  readonly used: (task: string, action: string) => void;
  readonly denied: (task: string, message: string) => void;
}

export interface AuthorityOptions {
  readonly journal: Journal;
  /** ARNs of resources that stand for others of the template, as in a bench. */
  readonly aliases?: Readonly<Record<string, string>>;
}

const tagContext = (tags: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:ResourceTag/${key}`, value]));

/** In the words of AWS. */
const denialOf = (principal: string, { action, resource }: Required, explicit: boolean): string =>
  `User: ${principal} is not authorized to perform: ${action} on resource: ${resource} ` +
  (explicit
    ? "with an explicit deny in an identity-based policy"
    : `because no identity-based policy allows the ${action} action`);

/**
 * Authorises every call against the policies of the synthesized template: a
 * function may do what its own role says, and nothing else.
 */
export const createAuthority =
  ({ journal, aliases = {} }: AuthorityOptions): Authority =>
  (account: AccountView) => {
    const { region, refs } = account;
    const roles = readRoles(account.template, {
      region,
      account: account.account,
      stackName: "Drover",
      refs,
    });
    const functions = new Map(account.stack.functions.map((spec) => [spec.task, spec]));

    const judge = (task: string, role: Role, required: Required): string | undefined => {
      const resource = aliases[required.resource] ?? required.resource;
      const spec = functions.get(task);
      const principal = `arn:aws:sts::${account.account}:assumed-role/${role.name}/${spec?.name ?? task}`;
      const verdict = evaluate(
        {
          principal,
          account: account.account,
          action: required.action,
          resource,
          context: {
            ...tagContext(required.tags),
            // Only the credentials of the code itself carry it.
            ...(spec && { "lambda:SourceFunctionArn": spec.arn }),
          },
          policies: role.policies,
        },
        role.key,
      );
      if ("error" in verdict)
        return `${required.action} on ${resource} cannot be evaluated: ${verdict.error}`;
      if (verdict.result === "Allowed") return undefined;
      return denialOf(principal, required, verdict.result === "ExplicitlyDenied");
    };

    return (call: AwsCall) => {
      const role = roles.ofTask(call.task);
      for (const required of requiredPermissions(call, account)) {
        const denial = judge(call.task, role, required);
        if (denial !== undefined) {
          journal.denied(call.task, denial);
          return denial;
        }
        journal.used(call.task, required.action);
      }
      return undefined;
    };
  };
