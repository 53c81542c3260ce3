import type { AclRules, AclToken } from "../../clients/nomad.ts";

/** What Drover reads in every namespace; `read-job` covers the claims of a volume too. */
const needed = ["read-job", "csi-list-volume"] as const;

/**
 * What all the policies together give in the namespaces that they name. A "deny"
 * in one of them takes away what the others give.
 */
const mergeNamespaces = (rules: readonly AclRules[]): Map<string, ReadonlySet<string>> => {
  const all = rules.flatMap((rule) => rule.Namespaces ?? []);
  return new Map(
    [...Map.groupBy(all, (rule) => rule.Name)].map(([name, own]) => {
      const capabilities = new Set(own.flatMap((rule) => rule.Capabilities ?? []));
      return [name, capabilities.has("deny") ? new Set() : capabilities];
    }),
  );
};

/**
 * What is wrong with a Nomad token. Nomad leaves allocations of namespaces that
 * a token cannot read out of its answers in silence, so a weak token would see
 * a busy node as empty: it has to be refused before anything is drained.
 *
 * @param rules - the rules of all its policies, as Nomad parsed them (`RulesJSON`)
 * @returns what is missing, in the words of the policy language; empty when all is there
 */
export const judgeToken = (token: Pick<AclToken, "Type">, rules: readonly AclRules[]): string[] => {
  if (token.Type === "management") return [];
  const missing: string[] = [];
  const ofNodes = new Set(rules.map((rule) => rule.Node?.Policy));
  if (!ofNodes.has("write") || ofNodes.has("deny")) missing.push('node { policy = "write" }');
  const namespaces = mergeNamespaces(rules);
  const lacks = (name: string, capability: string) => {
    if (namespaces.get(name)?.has(capability)) return;
    missing.push(`namespace "${name}" { capabilities = ["${capability}"] }`);
  };
  for (const capability of needed) lacks("*", capability);
  // The rule with the longest match wins in a namespace, so a narrower one can take
  // away what "*" gives.
  for (const name of namespaces.keys()) if (name !== "*") lacks(name, "read-job");
  return missing;
};
