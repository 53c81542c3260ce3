import { type Secrets } from "../clients/secrets.ts";
import { abortAfter, type Clock } from "../runtime/clock.ts";
import { about, type Finding } from "./findings.ts";
import { judgeSecret, type SecretUse } from "./rules/judge-secret.ts";

/** Secrets of one service: their ARNs, where they are given. */
export type GivenSecrets = Readonly<Record<SecretUse, string | undefined>>;

/**
 * Without a way to Secrets Manager a call from a VPC gets no answer at all, and
 * the function would end before anybody is told why.
 */
const patienceSeconds = 15;

const withPatience = async <T>(clock: Clock, promise: Promise<T>): Promise<T> => {
  const { signal, cancel } = abortAfter(clock, patienceSeconds * 1000);
  try {
    return await Promise.race([
      promise,
      new Promise<never>((_, reject) => {
        signal.addEventListener("abort", () =>
          reject(new Error(`Secrets Manager gives no answer within ${patienceSeconds} s`)),
        );
      }),
    ]);
  } finally {
    cancel();
  }
};

const explain = (error: unknown): { what: string; remedy: string } => {
  const { name, message } = error instanceof Error ? error : { name: "", message: String(error) };
  if (name === "ResourceNotFoundException") {
    return {
      what: "there is no such secret",
      remedy: "make it, or deploy Drover with another one",
    };
  }
  if (name === "AccessDeniedException") {
    return {
      what: `Drover's functions may not read it: ${message}`,
      remedy:
        "if it has a key of its own, give the secret to the Drover construct with its encryptionKey; look at the policies of the secret and of an endpoint",
    };
  }
  if (/no answer within/.test(message)) {
    return {
      what: message,
      remedy:
        "give the subnets of the functions a way to Secrets Manager: a NAT gateway, or an interface endpoint that lets their security group in on port 443",
    };
  }
  return { what: `it cannot be read: ${message}`, remedy: "see what Secrets Manager says of it" };
};

export interface ExaminedSecrets {
  readonly findings: Finding[];
  /** Whether all of them could be read: a call of the service would wait for them otherwise. */
  readonly areRead: boolean;
}

/** Whether what the secrets hold is what they are given for. What they hold is never said. */
export const examineSecrets = async (
  check: "nomad-secrets" | "consul-secrets",
  given: GivenSecrets,
  { secrets, clock }: { readonly secrets: Secrets; readonly clock: Clock },
): Promise<ExaminedSecrets> => {
  let areRead = true;
  const uses = (Object.keys(given) as SecretUse[]).filter((use) => given[use] !== undefined);
  const findings = await Promise.all(
    uses.map(async (use): Promise<Finding[]> => {
      const arn = given[use] ?? "";
      // The name is what a person knows; the six characters after it are AWS's.
      const finding = about(check, arn.replace(/^arn:.*:secret:(.+)-\w{6}$/, "$1"));
      try {
        const text = await withPatience(clock, secrets.read(arn));
        const problem = judgeSecret(use, text, clock.now());
        return problem ? [finding[problem.severity](problem.what, problem.remedy)] : [];
      } catch (error) {
        areRead = false;
        const { what, remedy } = explain(error);
        return [finding.error(what, remedy)];
      }
    }),
  );
  const found = findings.flat();
  if (found.length > 0) return { findings: found, areRead };
  const { ok } = about(check, uses.length === 0 ? "none" : uses.join(", "));
  const what = uses.length === 0 ? "no secret is given, and none is needed" : "all can be read";
  return { findings: [ok(what)], areRead };
};
