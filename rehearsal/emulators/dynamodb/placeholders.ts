import type { Placeholders } from "./evaluate.ts";
import type { Item, Value } from "./values.ts";
import { invalid, readValue } from "./values.ts";

/**
 * The placeholders of a request. As on DynamoDB, one that is not defined and
 * one that no expression uses are both errors.
 */
export const readPlaceholders = (
  names: Readonly<Record<string, string>> | undefined,
  values: Readonly<Record<string, unknown>> | undefined,
): Placeholders & { readonly checkUse: () => void } => {
  const read: Item = Object.fromEntries(
    Object.entries(values ?? {}).map(([placeholder, value]) => [placeholder, readValue(value)]),
  );
  const used = new Set<string>();

  const nameOf = (name: string): string => {
    if (!name.startsWith("#")) return name;
    used.add(name);
    const actual = names?.[name];
    if (actual === undefined)
      throw invalid(
        `Invalid expression: An expression attribute name used in the document path is not defined; attribute name: ${name}`,
      );
    return actual;
  };

  const valueOf = (placeholder: string): Value => {
    used.add(placeholder);
    const value = read[placeholder];
    if (value === undefined)
      throw invalid(
        `Invalid expression: An expression attribute value used in expression is not defined; attribute value: ${placeholder}`,
      );
    return value;
  };

  const checkUse = (): void => {
    for (const [kind, all] of [
      ["Names", Object.keys(names ?? {})],
      ["Values", Object.keys(read)],
    ] as const) {
      const unused = all.filter((placeholder) => !used.has(placeholder));
      if (unused.length > 0)
        throw invalid(
          `Value provided in ExpressionAttribute${kind} unused in expressions: keys: {${unused.join(", ")}}`,
        );
    }
  };

  return { name: nameOf, value: valueOf, checkUse };
};
