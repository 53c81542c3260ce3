import type { Cluster } from "../clients/cluster.ts";
import { judgeToken } from "./rules/judge-token.ts";

/**
 * What the token may not do, in the words of the policy language: Nomad leaves
 * out in silence what a token may not read, and a busy node would look empty.
 */
export const missingOf = async ({ nomad }: Pick<Cluster, "nomad">): Promise<string[]> => {
  const token = await nomad.ownToken();
  if (!token || token.Type === "management") return [];
  const ofRoles = await Promise.all(
    (token.Roles ?? []).map((role) => nomad.policiesOfRole(role.ID)),
  );
  const names = new Set([...(token.Policies ?? []), ...ofRoles.flat()]);
  const rules = await Promise.all([...names].map((name) => nomad.ownPolicy(name)));
  return judgeToken(
    token,
    rules.filter((rule) => rule !== undefined),
  );
};
