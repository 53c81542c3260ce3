import type { GroupOptions } from "../emulators/auto-scaling/auto-scaling.ts";
import type { Hook } from "../emulators/auto-scaling/state.ts";
import type { TableSchema } from "../emulators/dynamodb/table.ts";
import type { EventPattern } from "../emulators/event-bridge/patterns.ts";
import type { FunctionSpec } from "../engine/containers.ts";
import { createResolver, type Place, type Template } from "../engine/intrinsics.ts";

export interface RuleTarget {
  /** What the target is given in the place of the event. */
  readonly input?: unknown;
  readonly id: string;
  readonly arn: string;
  readonly maximumRetryAttempts?: number | undefined;
  readonly maximumEventAgeSeconds?: number | undefined;
}

/** How Lambda handles events that nobody waits for. */
export interface AsyncConfig {
  readonly functionName: string;
  readonly maximumRetryAttempts: number;
  readonly maximumEventAgeSeconds: number;
}

/** What a template deploys, in the words of the emulators. */
export interface Stack {
  readonly stateMachines: readonly { readonly arn: string; readonly definition: string }[];
  /** Functions and their versions, each by its ARN. */
  readonly functions: readonly FunctionSpec[];
  readonly asyncConfigs: readonly AsyncConfig[];
  readonly rules: readonly {
    readonly name: string;
    /** Absent for a rule that is called by its schedule alone. */
    readonly pattern?: EventPattern | undefined;
    /** Minutes from one call to the next. */
    readonly everyMinutes?: number | undefined;
    readonly targets: readonly RuleTarget[];
  }[];
  readonly groups: readonly GroupOptions[];
  readonly parameters: readonly { readonly name: string; readonly value: string }[];
  readonly tables: readonly TableSchema[];
  readonly buckets: readonly { readonly name: string; readonly versioned: boolean }[];
  /** Keys that sign, by their ids. */
  readonly keys: readonly string[];
  readonly aliases: readonly { readonly name: string; readonly keyId: string }[];
}

/** Metadata of a function by which its handler is found. */
const taskMetadata = "drover:task";

type Properties = Readonly<Record<string, unknown>>;

const listOf = (value: unknown): readonly Properties[] =>
  Array.isArray(value) ? (value as Properties[]) : [];
const numberOf = (value: unknown): number | undefined =>
  value === undefined ? undefined : Number(value);

const readHook = (hook: Properties): Hook => ({
  name: String(hook["LifecycleHookName"]),
  transition: hook["LifecycleTransition"] as Hook["transition"],
  // What CloudFormation leaves out, Auto Scaling fills in.
  heartbeatTimeout: numberOf(hook["HeartbeatTimeout"]) ?? 3600,
  defaultResult: (hook["DefaultResult"] as Hook["defaultResult"] | undefined) ?? "ABANDON",
  notificationMetadata: hook["NotificationMetadata"] as string | undefined,
});

const readGroup = (name: string, properties: Properties): GroupOptions => {
  const policy = properties["InstanceLifecyclePolicy"] as
    | { readonly RetentionTriggers?: { readonly TerminateHookAbandon?: string } }
    | undefined;
  const min = Number(properties["MinSize"]);
  return {
    name,
    min,
    max: Number(properties["MaxSize"]),
    desired: numberOf(properties["DesiredCapacity"]) ?? min,
    tags: Object.fromEntries(
      listOf(properties["Tags"]).map((tag) => [String(tag["Key"]), String(tag["Value"])]),
    ),
    hooks: listOf(properties["LifecycleHookSpecificationList"]).map(readHook),
    newInstancesProtected: properties["NewInstancesProtectedFromScaleIn"] === true,
    onAbandon:
      policy?.RetentionTriggers?.TerminateHookAbandon === "retain" ? "retain" : "terminate",
  };
};

const readTable = (name: string, properties: Properties): TableSchema => {
  const keys = listOf(properties["KeySchema"]);
  const nameOf = (type: string) => {
    const name = keys.find((key) => key["KeyType"] === type)?.["AttributeName"];
    return typeof name === "string" ? name : undefined;
  };
  const partition = nameOf("HASH");
  const sort = nameOf("RANGE");
  if (partition === undefined) throw new Error(`the table ${name} has no partition key`);
  if (properties["GlobalSecondaryIndexes"] !== undefined)
    throw new Error(`the indexes of the table ${name} are not read into the embedded world yet`);
  const numbers = listOf(properties["AttributeDefinitions"])
    .filter((attribute) => attribute["AttributeType"] === "N")
    .map((attribute) => String(attribute["AttributeName"]));
  return { name, key: { partition, ...(sort !== undefined && { sort }) }, numbers };
};

/** The only kind that the world has: it signs, by ECDSA on P-256. */
const checkKey = (id: string, properties: Properties): void => {
  const kind = `${String(properties["KeySpec"])} for ${String(properties["KeyUsage"])}`;
  if (kind !== "ECC_NIST_P256 for SIGN_VERIFY")
    throw new Error(`${id}: keys of the kind ${kind} are not emulated`);
};

const readTarget = (target: Properties): RuleTarget => {
  const retry = (target["RetryPolicy"] ?? {}) as Properties;
  for (const shaping of ["InputPath", "InputTransformer"])
    if (target[shaping] !== undefined)
      throw new Error(`${shaping} of the target ${String(target["Id"])} is not emulated`);
  return {
    id: String(target["Id"]),
    arn: String(target["Arn"]),
    ...(target["Input"] !== undefined && {
      input: JSON.parse(target["Input"] as string) as unknown,
    }),
    maximumRetryAttempts: numberOf(retry["MaximumRetryAttempts"]),
    maximumEventAgeSeconds: numberOf(retry["MaximumEventAgeInSeconds"]),
  };
};

const minutesOf = { minute: 1, hour: 60, day: 1440 } as const;

/** Source: Amazon EventBridge User Guide, "Rate expressions": `rate(5 minutes)`. */
const readRate = (id: string, expression: string | undefined): number | undefined => {
  if (expression === undefined) return undefined;
  const [, count, unit] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression) ?? [];
  if (unit === undefined) throw new Error(`${id}: the schedule ${expression} is not emulated`);
  return Number(count) * minutesOf[unit as keyof typeof minutesOf];
};

/**
 * Reads a synthesized template: what the emulators are to be set up with, just
 * as CloudFormation would set the services up.
 *
 * @throws for whatever in it the embedded world could not do as AWS does
 */
export const readStack = (template: Template, place: Place): Stack => {
  const resolver = createResolver(template, place);
  const ofType = (type: string) =>
    Object.entries(template.Resources)
      .filter(([, resource]) => resource.Type === type)
      .map(([id, resource]) => ({
        id,
        resource,
        /** Only what is asked for is resolved: a world need not know the rest. */
        property: (name: string) => resolver.resolve(resource.Properties?.[name]),
        properties: (...names: string[]): Properties =>
          Object.fromEntries(
            names.map((name) => [name, resolver.resolve(resource.Properties?.[name])]),
          ),
      }));

  const functions = ofType("AWS::Lambda::Function").flatMap(({ id, resource, property }) => {
    const task = resource.Metadata?.[taskMetadata];
    // CDK's own functions, such as those of custom resources.
    if (typeof task !== "string") return [];
    const variables = (property("Environment") as { Variables?: Record<string, string> }) ?? {};
    return [
      {
        arn: resolver.attribute(id, "Arn"),
        name: resolver.ref(id),
        task,
        env: { ...variables.Variables, AWS_REGION: place.region },
        timeoutSeconds: Number(property("Timeout") ?? 3),
      },
    ];
  });
  const versions = ofType("AWS::Lambda::Version").flatMap(({ id, property }) => {
    const of = functions.find(({ name }) => name === property("FunctionName"));
    return of ? [{ ...of, arn: resolver.ref(id) }] : [];
  });

  return {
    functions: [...functions, ...versions],
    stateMachines: ofType("AWS::StepFunctions::StateMachine").map(({ id, property }) => {
      const definition = property("DefinitionString");
      if (typeof definition !== "string") throw new Error(`${id} has no DefinitionString`);
      return { arn: resolver.ref(id), definition };
    }),
    asyncConfigs: ofType("AWS::Lambda::EventInvokeConfig").map(({ property }) => ({
      functionName: String(property("FunctionName")),
      maximumRetryAttempts: numberOf(property("MaximumRetryAttempts")) ?? 2,
      maximumEventAgeSeconds: numberOf(property("MaximumEventAgeInSeconds")) ?? 21_600,
    })),
    rules: ofType("AWS::Events::Rule")
      .filter(({ property }) => property("State") !== "DISABLED")
      .map(({ id, property }) => {
        return {
          name: resolver.ref(id),
          pattern: property("EventPattern") as EventPattern | undefined,
          everyMinutes: readRate(id, property("ScheduleExpression") as string | undefined),
          targets: listOf(property("Targets")).map(readTarget),
        };
      }),
    groups: ofType("AWS::AutoScaling::AutoScalingGroup").map(({ id, properties }) =>
      readGroup(
        resolver.ref(id),
        properties(
          "MinSize",
          "MaxSize",
          "DesiredCapacity",
          "Tags",
          "LifecycleHookSpecificationList",
          "InstanceLifecyclePolicy",
          "NewInstancesProtectedFromScaleIn",
        ),
      ),
    ),
    parameters: ofType("AWS::SSM::Parameter").map(({ id, property }) => ({
      name: resolver.ref(id),
      value: String(property("Value")),
    })),
    tables: ofType("AWS::DynamoDB::Table").map(({ id, properties }) =>
      readTable(
        resolver.ref(id),
        properties("KeySchema", "GlobalSecondaryIndexes", "AttributeDefinitions"),
      ),
    ),
    buckets: ofType("AWS::S3::Bucket").map(({ id, property }) => {
      const versioning = property("VersioningConfiguration") as { Status?: string } | undefined;
      return { name: resolver.ref(id), versioned: versioning?.Status === "Enabled" };
    }),
    keys: ofType("AWS::KMS::Key").map(({ id, properties }) => {
      checkKey(id, properties("KeySpec", "KeyUsage"));
      return resolver.ref(id);
    }),
    aliases: ofType("AWS::KMS::Alias").map(({ property }) => ({
      name: String(property("AliasName")),
      keyId: String(property("TargetKeyId")),
    })),
  };
};

/** Logical ids of the secrets that functions are told of, by the variables that name them. */
export const secretsOf = (template: Template): ReadonlyMap<string, ReadonlySet<string>> => {
  const found = new Map<string, Set<string>>();
  for (const { Type, Properties } of Object.values(template.Resources)) {
    if (Type !== "AWS::Lambda::Function") continue;
    const environment = Properties?.["Environment"] as
      | { readonly Variables?: Record<string, unknown> }
      | undefined;
    for (const [variable, value] of Object.entries(environment?.Variables ?? {})) {
      const id = (value as { readonly Ref?: string } | null)?.Ref;
      if (id === undefined || template.Resources[id]?.Type !== "AWS::SecretsManager::Secret")
        continue;
      found.set(id, (found.get(id) ?? new Set()).add(variable));
    }
  }
  return found;
};
