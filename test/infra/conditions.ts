/** A template with parameters and conditions. */
export interface ConditionalTemplate {
  readonly Parameters: Readonly<
    Record<
      string,
      {
        readonly Type: string;
        readonly Default?: string | number;
        readonly AllowedPattern?: string;
      }
    >
  >;
  readonly Conditions?: Readonly<Record<string, unknown>>;
  readonly Rules?: Readonly<
    Record<string, { readonly Assertions: readonly { readonly Assert: unknown }[] }>
  >;
  readonly Resources: Readonly<
    Record<
      string,
      {
        readonly Type: string;
        readonly Condition?: string;
        readonly Properties?: Readonly<Record<string, unknown>>;
        readonly Metadata?: Readonly<Record<string, unknown>>;
      }
    >
  >;
}

const noValue = Symbol("AWS::NoValue");

type Given = Readonly<Record<string, string>>;

const evaluate = (template: ConditionalTemplate, given: Given) => {
  const parameter = (name: string): unknown => given[name] ?? template.Parameters[name]?.Default;

  const isTrue = (expression: unknown): boolean => {
    const [name, argument] = Object.entries(expression as Record<string, unknown>)[0] ?? [];
    if (name === "Condition") return isTrue(template.Conditions?.[String(argument)]);
    const parts = argument as unknown[];
    if (name === "Fn::Not") return !isTrue(parts[0]);
    if (name === "Fn::Or") return parts.some(isTrue);
    if (name === "Fn::And") return parts.every(isTrue);
    if (name === "Fn::Equals") return String(resolve(parts[0])) === String(resolve(parts[1]));
    throw new Error(`unknown condition ${name}`);
  };

  const resolve = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(resolve).filter((item) => item !== noValue);
    if (typeof value !== "object" || value === null) return value;
    const [name, argument] = Object.entries(value)[0] ?? [];
    if (name === "Ref" && argument === "AWS::NoValue") return noValue;
    if (name === "Ref" && String(argument) in template.Parameters) {
      return parameter(String(argument));
    }
    if (name === "Fn::If") {
      const [condition, yes, no] = argument as [string, unknown, unknown];
      return resolve(isTrue({ Condition: condition }) ? yes : no);
    }
    if (name === "Fn::Join") {
      const [separator, parts] = resolve(argument) as [string, unknown[]];
      return parts.every((part) => typeof part !== "object")
        ? parts.join(separator)
        : { "Fn::Join": [separator, parts] };
    }
    if (name === "Fn::Sub" && typeof argument === "string") {
      return argument.replace(/\$\{(\w+)\}/g, (_, id: string) => String(parameter(id)));
    }
    return Object.fromEntries(
      Object.entries(value)
        .map(([key, item]) => [key, resolve(item)] as const)
        .filter(([, item]) => item !== noValue),
    );
  };

  return { isTrue, resolve };
};

/**
 * What becomes of a template with given parameters: conditions are decided, and
 * parameters put in. References to resources stay as they are.
 */
export const withParameters = (
  template: ConditionalTemplate,
  given: Given,
): ConditionalTemplate["Resources"] => {
  const { isTrue, resolve } = evaluate(template, given);
  return Object.fromEntries(
    Object.entries(template.Resources)
      .filter(([, { Condition }]) => Condition === undefined || isTrue({ Condition }))
      .map(([id, resource]) => [id, resolve(resource) as typeof resource]),
  );
};

/** The rules that a template's parameters break: CloudFormation then does nothing. */
export const brokenRules = (template: ConditionalTemplate, given: Given): string[] => {
  const { isTrue } = evaluate(template, given);
  return Object.entries(template.Rules ?? {}).flatMap(([name, { Assertions }]) =>
    Assertions.every(({ Assert }) => isTrue(Assert)) ? [] : [name],
  );
};
