import type { AclRules, AclToken } from "../../clients/nomad.ts";

/** What Drover reads in every namespace; `read-job` covers the claims of a volume too. */
const needed = ["read-job", "csi-list-volume"] as const;

const allows = (
  namespace: { readonly Capabilities: readonly string[] },
  capability: string,
): boolean =>
  namespace.Capabilities.includes(capability) && !namespace.Capabilities.includes("deny");

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
  if (!rules.some((rule) => rule.Node?.Policy === "write")) {
    missing.push('node { policy = "write" }');
  }
  const namespaces = rules.flatMap((rule) => rule.Namespaces ?? []);
  for (const capability of needed) {
    if (!namespaces.some((rule) => rule.Name === "*" && allows(rule, capability))) {
      missing.push(`namespace "*" { capabilities = ["${capability}"] }`);
    }
  }
  // The rule with the longest match wins in a namespace, so a narrower one can take
  // away what "*" gives.
  const narrower = new Set(namespaces.map((rule) => rule.Name).filter((name) => name !== "*"));
  for (const name of narrower) {
    const own = namespaces.filter((rule) => rule.Name === name);
    if (!own.some((rule) => allows(rule, "read-job"))) {
      missing.push(`namespace "${name}" { capabilities = ["read-job"] }`);
    }
  }
  return missing;
};
