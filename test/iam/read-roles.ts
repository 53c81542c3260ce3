import { createResolver, type Place, type Template } from "../../rehearsal/engine/intrinsics.ts";

/** A role of a template, with all that it may do. */
export interface Role {
  readonly arn: string;
  readonly name: string;
  /** Policy documents, resolved. */
  readonly policies: readonly PolicyDocument[];
  /** Equal for equal policies. */
  readonly key: string;
}

export interface PolicyStatement {
  readonly Effect: "Allow" | "Deny";
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export interface PolicyDocument {
  readonly Version: string;
  readonly Statement: readonly PolicyStatement[];
}

export const listOf = <T>(value: T | readonly T[] | undefined): readonly T[] =>
  value === undefined ? [] : Array.isArray(value) ? (value as readonly T[]) : [value as T];

const logs = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"];

const allow = (actions: readonly string[]): PolicyDocument => ({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Action: actions, Resource: "*" }],
});

/**
 * Policies that AWS keeps, by the ends of their ARNs.
 *
 * Source: AWS Managed Policy Reference.
 */
const managed: Readonly<Record<string, PolicyDocument>> = {
  "service-role/AWSLambdaBasicExecutionRole": allow(logs),
  "service-role/AWSLambdaVPCAccessExecutionRole": allow([
    ...logs,
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
  ]),
};

const managedPolicy = (arn: string): PolicyDocument => {
  const policy = managed[arn.slice(arn.indexOf(":policy/") + ":policy/".length)];
  if (policy === undefined) throw new Error(`nobody knows what the policy ${arn} allows`);
  return policy;
};

/** Short names of policies: a whole template's are asked about by the thousand. */
const keys = new Map<string, string>();

const keyOf = (policies: readonly PolicyDocument[]): string => {
  const text = JSON.stringify(policies);
  const key = keys.get(text) ?? `policies-${keys.size}`;
  keys.set(text, key);
  return key;
};

export interface Roles {
  /** @throws when the template has no function of the task, or its role is elsewhere */
  readonly ofTask: (task: string) => Role;
  /** A role, or one who has no more than a managed policy, by the logical id of either. */
  readonly byId: (logicalId: string) => Role;
  readonly tasks: readonly string[];
}

/** Reads the roles of a template, inline and attached policies together. */
export const readRoles = (template: Template, place: Place): Roles => {
  const resolver = createResolver(template, place);
  const resources = Object.entries(template.Resources);
  const byArn = new Map<string, string>();
  for (const [id, { Type }] of resources)
    if (Type === "AWS::IAM::Role") byArn.set(resolver.attribute(id, "Arn"), id);
  const attached = resources.filter(([, { Type }]) =>
    ["AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"].includes(Type),
  );
  const known = new Map<string, Role>();
  /** Somebody who has a managed policy, and nothing else. */
  const readPolicy = (id: string, document: unknown): Role => {
    const policies = [resolver.resolve(document) as PolicyDocument];
    const arn = `arn:aws:iam::${place.account}:role/${id}`;
    return { arn, name: id, policies, key: keyOf(policies) };
  };
  const read = (id: string): Role => {
    const role = template.Resources[id];
    if (role?.Type === "AWS::IAM::ManagedPolicy")
      return readPolicy(id, role.Properties?.["PolicyDocument"]);
    if (role?.Type !== "AWS::IAM::Role") throw new Error(`${id} is no role`);
    const inline = listOf(role.Properties?.["Policies"] as Record<string, unknown>[] | undefined);
    const own = attached.filter(([, { Properties }]) =>
      listOf(Properties?.["Roles"] as { Ref?: string }[] | undefined).some(({ Ref }) => Ref === id),
    );
    const policies = [
      ...[...inline, ...own.map(([, { Properties }]) => Properties ?? {})].map(
        ({ PolicyDocument }) => resolver.resolve(PolicyDocument) as PolicyDocument,
      ),
      ...listOf(role.Properties?.["ManagedPolicyArns"] as unknown[] | undefined).map((arn) =>
        managedPolicy(String(resolver.resolve(arn))),
      ),
    ];
    return {
      arn: resolver.attribute(id, "Arn"),
      name: resolver.ref(id),
      policies,
      key: keyOf(policies),
    };
  };
  const byId = (id: string): Role => {
    const role = known.get(id) ?? read(id);
    known.set(id, role);
    return role;
  };
  const functions = new Map<string, unknown>();
  for (const [, { Type, Metadata, Properties }] of resources) {
    const task = Metadata?.["drover:task"];
    if (Type === "AWS::Lambda::Function" && typeof task === "string")
      functions.set(task, Properties?.["Role"]);
  }
  return {
    tasks: [...functions.keys()],
    byId,
    ofTask: (task) => {
      if (!functions.has(task)) throw new Error(`the template has no function of ${task}`);
      const arn = String(resolver.resolve(functions.get(task)));
      const id = byArn.get(arn);
      if (id === undefined) throw new Error(`the role ${arn} of ${task} is not in the template`);
      return byId(id);
    },
  };
};
