import { createHash } from "node:crypto";

/** A CloudFormation template, as far as the embedded world reads it. */
export interface Template {
  readonly Parameters?: Readonly<Record<string, { readonly Default?: unknown }>>;
  readonly Resources: Readonly<Record<string, Resource>>;
}

export interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly Metadata?: Readonly<Record<string, unknown>>;
}

export interface Place {
  readonly region: string;
  readonly account: string;
  readonly stackName: string;
  /** Values of the template's parameters; those left out take their defaults. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** What `Ref` gives for resources that somebody else has made already, by logical id. */
  readonly refs?: Readonly<Record<string, string>>;
  /** What `Fn::GetAtt` gives for what a custom resource has found out, by logical id. */
  readonly attributes?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Resolves the intrinsic functions of one template. */
export interface Resolver {
  /** @throws for everything that it does not know, with its place in the template */
  readonly resolve: (value: unknown) => unknown;
  readonly ref: (logicalId: string) => string;
  readonly attribute: (logicalId: string, name: string) => string;
}

interface Facts {
  /** The name that the template gives, or else one as CloudFormation makes it. */
  readonly name: string;
  readonly arn: (service: string, resource: string) => string;
  readonly property: (name: string) => unknown;
}

interface Kind {
  /** The property with the resource's own name. */
  readonly named?: string;
  /** Whether the name may hold capitals. @default true */
  readonly ref: (facts: Facts) => string;
  readonly attributes?: Readonly<Record<string, (facts: Facts) => string>>;
}

const byName = ({ name }: Facts): string => name;
const inArn =
  (service: string, before: string) =>
  ({ arn, name }: Facts): string =>
    arn(service, `${before}${name}`);
const withId =
  (prefix: string) =>
  ({ name }: Facts): string =>
    `${prefix}-${digest(name).slice(0, 17)}`;

/** Buckets have no capitals in their names. */
const bucketName = ({ name }: Facts): string => name.toLowerCase();
const keyId = ({ name }: Facts): string =>
  digest(name).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/, "$1-$2-$3-$4-$5");

const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

const kinds: Readonly<Record<string, Kind>> = {
  "AWS::AutoScaling::AutoScalingGroup": { named: "AutoScalingGroupName", ref: byName },
  "AWS::DynamoDB::Table": {
    named: "TableName",
    ref: byName,
    attributes: { Arn: inArn("dynamodb", "table/") },
  },
  "AWS::EC2::LaunchTemplate": {
    named: "LaunchTemplateName",
    ref: withId("lt"),
    attributes: { LatestVersionNumber: () => "1", DefaultVersionNumber: () => "1" },
  },
  "AWS::EC2::SecurityGroup": { ref: withId("sg"), attributes: { GroupId: withId("sg") } },
  "AWS::EC2::Subnet": { ref: withId("subnet") },
  "AWS::EC2::VPC": { ref: withId("vpc") },
  "AWS::Events::Rule": {
    named: "Name",
    ref: byName,
    attributes: { Arn: inArn("events", "rule/") },
  },
  "AWS::IAM::Role": {
    named: "RoleName",
    ref: byName,
    attributes: {
      Arn: ({ arn, name }) => arn("iam", `role/${name}`).replace(/:iam:[^:]*:/, ":iam::"),
      RoleId: ({ name }) => `AROA${digest(name).slice(0, 17).toUpperCase()}`,
    },
  },
  "AWS::KMS::Key": {
    ref: keyId,
    attributes: { Arn: (facts) => facts.arn("kms", `key/${keyId(facts)}`) },
  },
  "AWS::Lambda::Function": {
    named: "FunctionName",
    ref: byName,
    attributes: { Arn: inArn("lambda", "function:") },
  },
  "AWS::Lambda::Version": {
    ref: ({ arn, property }) => arn("lambda", `function:${String(property("FunctionName"))}:1`),
    attributes: { Version: () => "1" },
  },
  "AWS::Logs::LogGroup": {
    named: "LogGroupName",
    ref: byName,
    attributes: { Arn: ({ arn, name }) => `${arn("logs", `log-group:${name}`)}:*` },
  },
  "AWS::S3::Bucket": {
    named: "BucketName",
    ref: bucketName,
    attributes: { Arn: (facts) => `arn:aws:s3:::${bucketName(facts)}` },
  },
  "AWS::SNS::Topic": { named: "TopicName", ref: inArn("sns", "") },
  "AWS::SQS::Queue": {
    named: "QueueName",
    ref: ({ arn, name }) => {
      const [, , , region, account] = arn("sqs", name).split(":");
      return `https://sqs.${region}.amazonaws.com/${account}/${name}`;
    },
    attributes: { Arn: inArn("sqs", ""), QueueName: byName },
  },
  "AWS::SSM::Parameter": { named: "Name", ref: byName },
  "AWS::SecretsManager::Secret": {
    named: "Name",
    ref: ({ arn, name }) => arn("secretsmanager", `secret:${name}-${digest(name).slice(0, 6)}`),
  },
  "AWS::StepFunctions::StateMachine": {
    named: "StateMachineName",
    ref: inArn("states", "stateMachine:"),
    attributes: { Arn: inArn("states", "stateMachine:"), Name: byName },
  },
};

const nothing = Symbol("AWS::NoValue");

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Resolves a template's `Ref`, `Fn::GetAtt`, `Fn::Join`, `Fn::Sub`,
 * `Fn::Select`, `Fn::Split`, `Fn::GetAZs` and `AWS::NoValue`, and the pseudo
 * parameters. Names that CloudFormation would make up follow from the logical
 * id, so that they are the same in every run.
 */
export const createResolver = (template: Template, place: Place): Resolver => {
  const { region, account, stackName } = place;
  const pseudo: Readonly<Record<string, unknown>> = {
    "AWS::AccountId": account,
    "AWS::NoValue": nothing,
    "AWS::NotificationARNs": [],
    "AWS::Partition": "aws",
    "AWS::Region": region,
    "AWS::StackId": `arn:aws:cloudformation:${region}:${account}:stack/${stackName}/rehearsal`,
    "AWS::StackName": stackName,
    "AWS::URLSuffix": "amazonaws.com",
  };

  const describe = (logicalId: string): { kind: Kind; facts: Facts } => {
    const resource = template.Resources[logicalId];
    if (resource === undefined) throw new Error(`the template has no resource ${logicalId}`);
    const kind = kinds[resource.Type];
    if (kind === undefined)
      throw new Error(`${logicalId} is a ${resource.Type}, which the embedded world does not know`);
    const property = (name: string): unknown => resolve(resource.Properties?.[name]);
    const given = kind.named === undefined ? undefined : property(kind.named);
    const suffix = digest(`${stackName}/${logicalId}`).slice(0, 12).toUpperCase();
    const name =
      typeof given === "string" ? given : `${stackName}-${logicalId.slice(0, 24)}-${suffix}`;
    const arn = (service: string, rest: string) =>
      `arn:aws:${service}:${region}:${account}:${rest}`;
    return { kind, facts: { name, arn, property } };
  };

  const reference = (name: string): unknown => {
    if (name in pseudo) return pseudo[name];
    const made = place.refs?.[name];
    if (made !== undefined) return made;
    const parameter = template.Parameters?.[name];
    if (parameter === undefined) {
      const { kind, facts } = describe(name);
      return kind.ref(facts);
    }
    const value = place.parameters?.[name] ?? parameter.Default;
    if (value === undefined) throw new Error(`the parameter ${name} has neither value nor default`);
    return value;
  };

  const attribute = (logicalId: string, name: string): string => {
    const found = place.attributes?.[logicalId]?.[name];
    if (found !== undefined) return found;
    const { kind, facts } = describe(logicalId);
    const find = kind.attributes?.[name];
    if (find === undefined)
      throw new Error(`Fn::GetAtt ${logicalId}.${name}: the embedded world does not know it`);
    return find(facts);
  };

  const substitute = (text: string, own: Record<string, unknown>): string =>
    text.replaceAll(/\$\{([^}]+)\}/g, (whole, inner: string) => {
      if (inner.startsWith("!")) return `\${${inner.slice(1)}}`;
      if (inner in own) return asText(own[inner], whole);
      const dot = inner.indexOf(".");
      return dot < 0
        ? asText(reference(inner), whole)
        : attribute(inner.slice(0, dot), inner.slice(dot + 1));
    });

  const functions: Readonly<Record<string, (given: unknown) => unknown>> = {
    Ref: (given) => reference(asText(given, "Ref")),
    "Fn::GetAtt": (given) => {
      const [logicalId, ...rest] = typeof given === "string" ? given.split(".") : asTexts(given);
      return attribute(logicalId ?? "", rest.join("."));
    },
    "Fn::GetAZs": () => ["a", "b", "c"].map((zone) => `${region}${zone}`),
    "Fn::Join": (given) => {
      const [separator, parts] = asList(given, "Fn::Join");
      return asTexts(resolve(parts)).join(asText(separator, "Fn::Join"));
    },
    "Fn::Select": (given) => {
      const [index, list] = asList(resolve(given), "Fn::Select");
      const chosen = asList(list, "Fn::Select")[Number(index)];
      if (chosen === undefined) throw new Error(`Fn::Select: there is no element ${String(index)}`);
      return chosen;
    },
    "Fn::Split": (given) => {
      const [separator, text] = asTexts(resolve(given));
      return (text ?? "").split(separator ?? "");
    },
    "Fn::Sub": (given) => {
      if (typeof given === "string") return substitute(given, {});
      const [text, own] = asList(given, "Fn::Sub");
      return substitute(asText(text, "Fn::Sub"), resolve(own) as Record<string, unknown>);
    },
  };

  const resolve = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(resolve).filter((item) => item !== nothing);
    if (!isObject(value)) return value;
    const keys = Object.keys(value);
    const [name = ""] = keys;
    if (keys.length === 1 && (name === "Ref" || name === "Condition" || name.startsWith("Fn::"))) {
      const known = functions[name];
      if (known === undefined) throw new Error(`${name} is not known in the embedded world`);
      return known(value[name]);
    }
    return Object.fromEntries(
      keys.map((key) => [key, resolve(value[key])]).filter(([, inner]) => inner !== nothing),
    );
  };

  return { resolve, ref: (logicalId) => asText(reference(logicalId), logicalId), attribute };
};

const asText = (value: unknown, where: string): string => {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw new Error(`${where}: ${JSON.stringify(value)} is no text`);
};

const asList = (value: unknown, where: string): unknown[] => {
  if (!Array.isArray(value)) throw new Error(`${where}: ${JSON.stringify(value)} is no list`);
  return value;
};

const asTexts = (value: unknown): string[] =>
  asList(value, "a list of texts").map((item) => asText(item, "a list of texts"));
