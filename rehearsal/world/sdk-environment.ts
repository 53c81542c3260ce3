import { GetParametersCommand, SSMClient } from "@aws-sdk/client-ssm";

/** Access key by which the emulators tell Drover's calls from those of others. */
export const droverAccessKey = "AKIADROVERREHEARSALS";
export const foreignAccessKey = "AKIASOMEBODYELSE0000";

/**
 * What the AWS SDK would take from the environment and the files of the person
 * who rehearses. It must meet neither their credentials nor their endpoints.
 */
const settings: Readonly<Record<string, string | undefined>> = {
  AWS_ACCESS_KEY_ID: droverAccessKey,
  AWS_SECRET_ACCESS_KEY: "of no use anywhere",
  AWS_SESSION_TOKEN: undefined,
  AWS_PROFILE: undefined,
  AWS_CONFIG_FILE: "/dev/null",
  AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
  AWS_EC2_METADATA_DISABLED: "true",
  AWS_USE_FIPS_ENDPOINT: undefined,
  AWS_USE_DUALSTACK_ENDPOINT: undefined,
  AWS_RETRY_MODE: undefined,
  AWS_DEFAULTS_MODE: undefined,
  AWS_MAX_ATTEMPTS: undefined,
};

/** @returns puts the environment back */
export const isolateSdk = (): (() => void) => {
  const before = new Map<string, string | undefined>();
  const set = (name: string, value: string | undefined) => {
    if (!before.has(name)) before.set(name, process.env[name]);
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  };
  for (const name of Object.keys(process.env))
    if (name.startsWith("AWS_ENDPOINT_URL")) set(name, undefined);
  for (const [name, value] of Object.entries(settings)) set(name, value);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
};

/**
 * Has the SDK load what it loads at its first call: its providers and the
 * files that it looks for. Later calls read nothing, so that what happens at
 * the same moment of virtual time happens in the same order in every run.
 */
export const warmSdk = async (): Promise<void> => {
  const refuse = () => Promise.reject(new Error("only to warm up"));
  const client = new SSMClient({
    region: "eu-west-1",
    maxAttempts: 1,
    requestHandler: {
      handle: refuse,
      updateHttpClientConfig: () => undefined,
      httpHandlerConfigs: () => ({}),
    },
  });
  await client.send(new GetParametersCommand({ Names: ["none"] })).catch(() => undefined);
};
