import {
  createResolver,
  type Place,
  type Resolver,
  type Template,
} from "../../rehearsal/engine/intrinsics.ts";
import { listOf, readRoles, type Role, type Roles } from "./read-roles.ts";

/** A statement of a policy of a resource: who may do what to it. */
interface ResourceStatement {
  readonly Effect: "Allow" | "Deny";
  readonly Principal: unknown;
  readonly Action: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** What AWS itself may do in the name of what a template deploys. */
export interface ServiceRoles {
  readonly roles: Roles;
  readonly ofMachine: (stateMachineArn: string) => Role;
  /** The ARN of a rule, and the role and the queue of one of its targets. */
  readonly target: (
    rule: string,
    targetArn: string,
  ) => { readonly ruleArn: string; readonly role?: Role; readonly queue?: string };
  /** Where Lambda sends what the function of a task could not handle. */
  readonly failuresOf: (task: string) => string | undefined;
  /** Whether a resource lets EventBridge do something to it for a rule. */
  readonly lets: (resource: string, action: string, ruleArn: string) => boolean;
  /** All roles that Step Functions and EventBridge take on. */
  readonly all: readonly Role[];
  /** In whose name: the state machine, or EventBridge. */
  readonly whoHas: (role: Role) => string;
  /** What resources let rules do: the action, the resource, and the rule. */
  readonly permissions: readonly (readonly [action: string, resource: string, ruleArn: string])[];
  /** The task of a function, its version or all of its versions. */
  readonly taskOf: (functionArn: string) => string | undefined;
}

export const eventBridge = "events.amazonaws.com";

const serviceOf = (principal: unknown): unknown =>
  (principal as { readonly Service?: unknown } | null)?.Service;

const sourceOf = ({ Condition = {} }: ResourceStatement): unknown =>
  Condition["ArnEquals"]?.["aws:SourceArn"] ?? Condition["ArnLike"]?.["aws:SourceArn"];

const assumedBy = (template: Template, resolver: Resolver, services: readonly string[]) =>
  Object.entries(template.Resources)
    .filter(([, { Type, Properties }]) => {
      if (Type !== "AWS::IAM::Role") return false;
      const { Statement } = resolver.resolve(Properties?.["AssumeRolePolicyDocument"]) as {
        readonly Statement: readonly { readonly Principal: unknown }[];
      };
      return Statement.some(({ Principal }) => services.includes(String(serviceOf(Principal))));
    })
    .map(([id]) => id);

export const readServiceRoles = (template: Template, place: Place): ServiceRoles => {
  const resolver = createResolver(template, place);
  const roles = readRoles(template, place);
  const ofType = (type: string) =>
    Object.entries(template.Resources)
      .filter(([, { Type }]) => Type === type)
      .map(([id, { Properties = {}, Metadata }]) => ({
        id,
        metadata: Metadata,
        get: (name: string): unknown => resolver.resolve(Properties[name]),
      }));
  const all = assumedBy(template, resolver, ["states.amazonaws.com", eventBridge]).map((id) =>
    roles.byId(id),
  );
  const roleOf = (arn: unknown): Role => {
    const role = all.find((each) => each.arn === arn);
    if (role === undefined)
      throw new Error(`no service of AWS may take on the role ${String(arn)}`);
    return role;
  };
  const machines = new Map(
    ofType("AWS::StepFunctions::StateMachine").map(({ id, get }) => [
      resolver.ref(id),
      get("RoleArn"),
    ]),
  );
  const rules = new Map(
    ofType("AWS::Events::Rule").map(({ id, get }) => [
      resolver.ref(id),
      {
        arn: resolver.attribute(id, "Arn"),
        targets: (get("Targets") ?? []) as readonly {
          readonly Arn: string;
          readonly RoleArn?: string;
          readonly DeadLetterConfig?: { readonly Arn: string };
        }[],
      },
    ]),
  );
  const functions = ofType("AWS::Lambda::Function").map(({ id, metadata }) => ({
    arn: resolver.attribute(id, "Arn"),
    name: resolver.ref(id),
    task: metadata?.["drover:task"] as string | undefined,
  }));
  const permissions: (readonly [string, string, string])[] = ofType("AWS::Lambda::Permission")
    .filter(({ get }) => get("Principal") === eventBridge)
    .map(({ get }) => [
      String(get("Action")),
      String(get("FunctionName")),
      // Without a source every rule of every account might call.
      String(get("SourceArn")),
    ]);
  for (const { get } of ofType("AWS::SQS::QueuePolicy")) {
    const { Statement } = get("PolicyDocument") as {
      readonly Statement: readonly (ResourceStatement & { readonly Resource: string })[];
    };
    for (const statement of Statement) {
      if (serviceOf(statement.Principal) !== eventBridge) continue;
      if (statement.Effect !== "Allow")
        throw new Error("nobody knows what a queue denies to EventBridge");
      for (const action of listOf(statement.Action))
        permissions.push([action, statement.Resource, String(sourceOf(statement))]);
    }
  }
  return {
    roles,
    all,
    whoHas: ({ arn }) => {
      const [machine] = [...machines].find(([, roleArn]) => roleArn === arn) ?? [];
      return machine?.slice(machine.lastIndexOf(":") + 1) ?? eventBridge;
    },
    permissions,
    ofMachine: (arn) => roleOf(machines.get(arn)),
    target: (name, targetArn) => {
      const rule = rules.get(name);
      const target = rule?.targets.find(({ Arn }) => Arn === targetArn);
      if (rule === undefined || target === undefined)
        throw new Error(`the rule ${name} has no target ${targetArn}`);
      return {
        ruleArn: rule.arn,
        ...(target.RoleArn !== undefined && { role: roleOf(target.RoleArn) }),
        ...(target.DeadLetterConfig && { queue: target.DeadLetterConfig.Arn }),
      };
    },
    failuresOf: (task) => {
      const spec = functions.find((each) => each.task === task);
      const config = ofType("AWS::Lambda::EventInvokeConfig").find(
        ({ get }) => get("FunctionName") === spec?.name,
      );
      const destinations = config?.get("DestinationConfig") as
        | { readonly OnFailure?: { readonly Destination?: string } }
        | undefined;
      return destinations?.OnFailure?.Destination;
    },
    lets: (resource, action, ruleArn) =>
      permissions.some(
        ([allowed, on, source]) => allowed === action && on === resource && source === ruleArn,
      ),
    taskOf: (functionArn) =>
      functions.find(({ arn }) => functionArn === arn || functionArn.startsWith(`${arn}:`))?.task,
  };
};

/** Names a permission by what it is on, so that each is seen to be used. */
export const permissionOn = (
  action: string,
  resource: string,
  { taskOf }: Pick<ServiceRoles, "taskOf">,
): string => {
  const what = taskOf(resource) ?? resource.slice(resource.lastIndexOf(":") + 1);
  return resource === "*" ? action : `${action}(${what})`;
};
