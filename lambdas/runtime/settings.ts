import * as v from "valibot";
import { SettingsRefused } from "./errors.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** `nomad.internal:4646` would be a URL too: one of the scheme `nomad.internal`. */
const isWebAddress = (text: string): boolean => /^https?:$/.test(URL.parse(text)?.protocol ?? "");

const address = v.pipe(
  v.string(),
  v.check(isWebAddress, "has to be a URL such as https://nomad.internal:4646"),
  v.transform((text) => new URL(text)),
);
const secret = v.optional(v.string());

const whole = v.pipe(
  v.string(),
  v.transform(Number),
  v.integer("has to be a whole number"),
  v.minValue(1),
);

const common = { DROVER_CLUSTER: v.string() };

const records = {
  ...common,
  DROVER_TABLE: v.string(),
  DROVER_STOP_PARAMETER: v.string(),
  DROVER_POOL_PARAMETERS: v.string(),
  DROVER_CLUSTER_SLOTS: whole,
};

const cluster = {
  ...common,
  NOMAD_ADDR: address,
  NOMAD_REGION: v.string(),
  NOMAD_TOKEN_SECRET: secret,
  NOMAD_CACERT_SECRET: secret,
  NOMAD_CLIENT_CERT_SECRET: secret,
  NOMAD_CLIENT_KEY_SECRET: secret,
  CONSUL_HTTP_ADDR: v.optional(address),
  CONSUL_DATACENTER: v.optional(v.string()),
  CONSUL_HTTP_TOKEN_SECRET: secret,
  CONSUL_CACERT_SECRET: secret,
  CONSUL_CLIENT_CERT_SECRET: secret,
  CONSUL_CLIENT_KEY_SECRET: secret,
};

const bundles = {
  ...common,
  DROVER_BUNDLE_BUCKET: v.string(),
  DROVER_BUNDLE_KEY: v.string(),
  /** ARNs of keys, with spaces between them. */
  DROVER_BUNDLE_TRUSTED_KEYS: v.pipe(
    v.string(),
    v.transform((text) => text.split(" ").filter((each) => each !== "")),
  ),
};

const shapes = {
  /** For functions that keep records and call Auto Scaling. */
  records: v.object(records),
  /** For the function that starts executions. */
  intake: v.object({ ...records, DROVER_STATE_MACHINE: v.string() }),
  /** For functions that talk to Nomad and Consul. */
  cluster: v.object(cluster),
  /** For functions that publish. */
  bundles: v.object(bundles),
  /** For the function that removes old bundles: how many are kept, and for how many days. */
  retention: v.object({ DROVER_KEEP_BUNDLES: whole, DROVER_KEEP_DAYS: whole }),
};

export type RecordSettings = v.InferOutput<typeof shapes.records>;
export type IntakeSettings = v.InferOutput<typeof shapes.intake>;
export type ClusterSettings = v.InferOutput<typeof shapes.cluster>;

/** One line a problem: the field, the value (unless it may be a secret), what is wrong. */
export const describeIssues = (issues: readonly v.BaseIssue<unknown>[]): string =>
  issues
    .map((issue) => {
      const path = v.getDotPath(issue);
      return path ? `${path}: ${issue.message}` : issue.message;
    })
    .join("; ");

/**
 * Reads the environment of a function, once, when its container starts.
 *
 * @throws SettingsRefused with every problem at once
 */
export const parseSettings = <Kind extends keyof typeof shapes>(
  kind: Kind,
  env: Environment,
): v.InferOutput<(typeof shapes)[Kind]> => {
  const result = v.safeParse(shapes[kind], env);
  if (!result.success) {
    throw new SettingsRefused(
      `the environment of this function is not right, deploy Drover again: ${describeIssues(result.issues)}`,
    );
  }
  return result.output;
};
