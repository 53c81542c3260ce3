import {
  type AccountView,
  type Authority,
  type AwsCall,
  type Caller,
  nameOfCaller,
  type ServiceCall,
} from "../../rehearsal/world/authorisation.ts";
import { evaluate, type Verdict } from "./evaluate.ts";
import { readRoles, type Role } from "./read-roles.ts";
import { eventBridge, permissionOn, readServiceRoles } from "./service-roles.ts";
import { bucketArn, type Required, requiredPermissions } from "./required-permissions.ts";
import { readResourcePolicies } from "./resource-policies.ts";

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

const explainError = (
  { action, resource }: Pick<Required, "action" | "resource">,
  error: string,
): string => `${action} on ${resource} cannot be evaluated: ${error}`;

/**
 * Authorises every call against the policies of the synthesized template: a
 * function may do what its own role says, and nothing else.
 */
export const createAuthority =
  ({ journal, aliases = {} }: AuthorityOptions): Authority =>
  (account: AccountView) => {
    const { region, refs } = account;
    const place = { region, account: account.account, stackName: "Drover", refs };
    const roles = readRoles(account.template, place);
    const functions = new Map(account.stack.functions.map((spec) => [spec.task, spec]));

    const resourcePolicyOf = readResourcePolicies(account.template, place);

    /** What comes after the colon of a user id is the name of the session. */
    const sessionOf = (caller: Caller): string =>
      typeof caller === "string"
        ? (functions.get(caller)?.name ?? caller)
        : caller.userId.replace(/^.*:/, "");
    const roleOf = (caller: Caller): Role =>
      typeof caller === "string" ? roles.ofTask(caller) : roles.byId(caller.grantedBy);
    const principalOf = (caller: Caller, role: Role): string =>
      `arn:aws:sts::${account.account}:assumed-role/${role.name}/${sessionOf(caller)}`;

    const ask = (caller: Caller, role: Role, required: Required): Verdict => {
      const resource = aliases[required.resource] ?? required.resource;
      const spec = typeof caller === "string" ? functions.get(caller) : undefined;
      const own = resourcePolicyOf(resource);
      return evaluate(
        {
          principal: principalOf(caller, role),
          account: account.account,
          action: required.action,
          resource,
          context: {
            ...tagContext(required.tags),
            // Only the credentials of the code itself carry it.
            ...(spec && { "lambda:SourceFunctionArn": spec.arn }),
            ...(typeof caller !== "string" && { "aws:userid": caller.userId }),
            ...(own && { "aws:SecureTransport": "true" }),
            ...required.context,
          },
          policies: role.policies,
          ...(own && { resourcePolicy: own.document }),
        },
        `${role.key} ${own?.key}`,
      );
    };

    const judge = (caller: Caller, role: Role, required: Required): string | undefined => {
      const verdict = ask(caller, role, required);
      if ("error" in verdict) return explainError(required, verdict.error);
      if (verdict.result === "Allowed") return undefined;
      const principal = principalOf(caller, role);
      return denialOf(principal, required, verdict.result === "ExplicitlyDenied");
    };

    const services = readServiceRoles(account.template, place);

    /** In the name of a role that a service of AWS has taken on. */
    const judgeRole = (role: Role, action: string, resource: string): string | undefined => {
      const principal = role.arn.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/");
      const verdict = evaluate(
        {
          principal: role.arn,
          account: account.account,
          action,
          resource,
          context: {},
          policies: role.policies,
        },
        role.key,
      );
      if ("error" in verdict) return explainError({ action, resource }, verdict.error);
      if (verdict.result === "Allowed") return undefined;
      return denialOf(
        principal,
        { action, resource, tags: {} },
        verdict.result === "ExplicitlyDenied",
      );
    };
    const judgeService = (
      call: ServiceCall,
    ): { who: string; action: string; resource: string; denial: string | undefined } => {
      if (call.kind === "invoke") {
        const role = services.ofMachine(call.stateMachineArn);
        const action = "lambda:InvokeFunction";
        const { functionArn: resource } = call;
        return {
          who: services.whoHas(role),
          action,
          resource,
          denial: judgeRole(role, action, resource),
        };
      }
      if (call.kind === "fail") {
        const resource = services.failuresOf(call.task);
        const action = "sqs:SendMessage";
        const { task: who } = call;
        if (resource === undefined)
          return { who, action, resource: "none", denial: `${who} has nowhere for its failures` };
        const denial = judge(who, roles.ofTask(who), { action, resource, tags: {} });
        return { who, action, resource: "*", denial };
      }
      const { ruleArn, role, queue } = services.target(call.rule, call.targetArn);
      const who = eventBridge;
      const asResource = (resource: string, action: string) => ({
        who,
        action,
        resource,
        denial: services.lets(resource, action, ruleArn)
          ? undefined
          : `User: ${who} is not authorized to perform: ${action} on resource: ${resource} for ${ruleArn} because no resource-based policy allows the ${action} action`,
      });
      if (call.kind === "give up")
        return queue === undefined
          ? { who, action: "nothing", resource: "*", denial: `${ruleArn} has no dead letters` }
          : { ...asResource(queue, "sqs:SendMessage"), resource: ruleArn };
      const resource = call.targetArn;
      if (role === undefined) return asResource(resource, "lambda:InvokeFunction");
      const action = "states:StartExecution";
      return {
        who: services.whoHas(role),
        action,
        resource,
        denial: judgeRole(role, action, resource),
      };
    };
    const ofService = (call: ServiceCall): string | undefined => {
      const { who, action, resource, denial } = judgeService(call);
      if (denial === undefined) journal.used(who, permissionOn(action, resource, services));
      // That nobody wants what is given up is no permission that is missing.
      else if (call.kind !== "give up" || action !== "nothing") journal.denied(who, denial);
      return denial;
    };

    const ofCaller = (call: AwsCall): string | undefined => {
      const role = roleOf(call.caller);
      const name = nameOfCaller(call.caller);
      for (const required of requiredPermissions(call, account)) {
        const denial = judge(call.caller, role, required);
        if (denial !== undefined) {
          journal.denied(name, denial);
          return denial;
        }
        journal.used(name, required.action);
      }
      return undefined;
    };
    const mayList = (caller: Caller, bucket: string): boolean => {
      const list = { action: "s3:ListBucket", resource: bucketArn(bucket), tags: {} };
      const verdict = ask(caller, roleOf(caller), list);
      if ("error" in verdict) throw new Error(explainError(list, verdict.error));
      if (verdict.result === "Allowed") journal.used(nameOfCaller(caller), list.action);
      return verdict.result === "Allowed";
    };
    return Object.assign(ofCaller, { ofService, mayList });
  };
