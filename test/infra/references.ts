import type { Resource } from "./apps.ts";

type Resources = Readonly<Record<string, Resource>>;

/** What each resource of a template has to wait for: what it refers to, and what it names in DependsOn. */
export const referencesOf = (resources: Resources): Map<string, Set<string>> => {
  const collect = (value: unknown, into: Set<string>): void => {
    if (Array.isArray(value)) {
      for (const item of value) collect(item, into);
      return;
    }
    if (typeof value !== "object" || value === null) return;
    for (const [key, argument] of Object.entries(value)) {
      if (key === "Ref" && typeof argument === "string") into.add(argument);
      else if (key === "Fn::GetAtt" && Array.isArray(argument)) into.add(String(argument[0]));
      else if (key === "Fn::Sub") {
        const [text, known] = Array.isArray(argument) ? argument : [argument, {}];
        for (const [, name] of String(text).matchAll(/\$\{([A-Za-z0-9]+)/g)) into.add(name ?? "");
        collect(known, into);
      } else collect(argument, into);
    }
  };
  return new Map(
    Object.entries(resources).map(([id, resource]) => {
      const found = new Set<string>(resource.DependsOn);
      collect(resource.Properties, found);
      return [id, new Set([...found].filter((name) => name in resources))];
    }),
  );
};

/** All that a resource has to wait for, directly or by way of others. */
export const waitsFor = (references: ReadonlyMap<string, ReadonlySet<string>>, id: string) => {
  const seen = new Set<string>();
  const visit = (next: string): void => {
    for (const name of references.get(next) ?? []) {
      if (seen.has(name)) continue;
      seen.add(name);
      visit(name);
    }
  };
  visit(id);
  return seen;
};

/** The resources that wait for themselves: CloudFormation refuses such a template. */
export const cyclesOf = (resources: Resources): string[] => {
  const references = referencesOf(resources);
  return Object.keys(resources).filter((id) => waitsFor(references, id).has(id));
};
