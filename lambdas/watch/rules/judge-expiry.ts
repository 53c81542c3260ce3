import { soonDays } from "./judge-secret.ts";

/**
 * What to say of a token that expires.
 *
 * @param expires - ISO 8601; null or undefined when it does not
 * @param now - milliseconds since the epoch
 * @returns undefined when there is nothing to say
 */
export const judgeExpiry = (
  expires: string | null | undefined,
  now: number,
): { readonly severity: "warning" | "error"; readonly what: string } | undefined => {
  if (!expires) return undefined;
  const left = Date.parse(expires) - now;
  if (left <= 0) return { severity: "error", what: `the token expired at ${expires}` };
  if (left >= soonDays * 86_400_000) return undefined;
  return { severity: "warning", what: `the token expires at ${expires}` };
};
