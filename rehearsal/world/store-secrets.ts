import type { SecretsManager } from "../emulators/secrets-manager.ts";
import type { Template } from "../engine/intrinsics.ts";
import type { Credentials } from "./park.ts";
import { secretsOf } from "./stack.ts";

/** The secrets of Drover's functions, by the variable that names each. */
const valueOf = (variable: string, credentials: Credentials): string => {
  if (variable === "NOMAD_TOKEN_SECRET") return credentials.nomadToken;
  if (variable === "CONSUL_HTTP_TOKEN_SECRET") return credentials.consulToken;
  if (variable.endsWith("_CACERT_SECRET")) return credentials.ca;
  if (variable.endsWith("_CLIENT_CERT_SECRET")) return credentials.clientCertificate;
  if (variable.endsWith("_CLIENT_KEY_SECRET")) return credentials.clientKey;
  throw new Error(`the embedded world has no secret for ${variable}`);
};

/** Stores every secret that the template names; gives their ARNs by logical id. */
export const storeSecrets = (
  template: Template,
  secrets: SecretsManager,
  credentials: Credentials,
): Record<string, string> =>
  Object.fromEntries(
    [...secretsOf(template)].map(([logicalId, variables]) => {
      const values = new Set([...variables].map((variable) => valueOf(variable, credentials)));
      const [value] = values;
      if (value === undefined || values.size > 1)
        throw new Error(`${logicalId} is used as several secrets: ${[...variables].join(", ")}`);
      return [logicalId, secrets.create(logicalId, value)];
    }),
  );
