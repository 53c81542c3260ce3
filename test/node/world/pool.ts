import { type Bucket, type Cloud, region, startCloud } from "./cloud.ts";
import { type Done, type Machine, type MachineOptions, makeMachine } from "./machine.ts";
import { type Metadata, startMetadata } from "./metadata.ts";
import {
  buildBundle,
  buildChannel,
  type Bundle,
  bundleObjects,
  makeKey,
  publicPem,
  type Source,
} from "./publisher.ts";

interface Context {
  after: (done: () => Promise<void>) => void;
}

/** A pool `workers` with its bucket, its publisher and one machine. */
export interface Pool {
  readonly bucket: Bucket;
  readonly metadata: Metadata;
  readonly machine: Machine;
  readonly key: ReturnType<typeof makeKey>;
  /** Stores a bundle and moves the channel to it, with the next serial. */
  readonly publish: (source: Source) => Promise<Bundle>;
  readonly pull: (words: string) => Promise<Done>;
  /** The lines of the machine's report by their words; the last one of each. */
  readonly report: () => Promise<Readonly<Record<string, string>>>;
  /** Writes the machine's settings; these are beside the usual ones. */
  readonly configure: (settings?: Readonly<Record<string, string>>) => void;
}

export interface PoolOptions extends MachineOptions {
  /** In the way between the machine and S3. */
  readonly s3Endpoint?: (endpoint: string) => string;
}

/** Makes a pool with a bucket of its own in a cloud that other pools share. */
export const makePool = async (
  context: Context,
  cloud: Cloud,
  options: PoolOptions = {},
): Promise<Pool> => {
  const bucket = await cloud.makeBucket();
  const metadata = await startMetadata(cloud.session);
  context.after(metadata.close);
  const machine = await makeMachine(context, options);
  const key = makeKey();
  let serial = 41;
  const configure: Pool["configure"] = (settings = {}) => {
    const all = {
      DROVER_POOL: "workers",
      DROVER_CLUSTER: "blue",
      DROVER_BUCKET: bucket.name,
      DROVER_REGION: region,
      DROVER_ROLE_ID: cloud.roleId,
      DROVER_SERIAL_FLOOR: "40",
      DROVER_BOOT_SECONDS: "20",
      DROVER_HEALTH_SECONDS: "5",
      DROVER_S3_ENDPOINT: options.s3Endpoint?.(cloud.endpoint) ?? cloud.endpoint,
      DROVER_SECRETS_ENDPOINT: cloud.endpoint,
      DROVER_SSM_ENDPOINT: cloud.endpoint,
      DROVER_IMDS_ENDPOINT: metadata.endpoint,
      ...settings,
    };
    machine.write(
      "/etc/drover/settings",
      Object.entries(all)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(""),
    );
    machine.write("/etc/drover/key.pem", publicPem(key.publicKey));
  };
  configure();
  return {
    bucket,
    metadata,
    machine,
    key,
    configure,
    publish: async (source) => {
      serial += 1;
      const bundle = await buildBundle(key.privateKey, source);
      for (const [name, content] of bundleObjects(bundle)) await bucket.put(name, content);
      await bucket.put(
        "channels/workers",
        buildChannel(key.privateKey, { serial, current: bundle.sha256 }),
      );
      return bundle;
    },
    pull: (words) => machine.run(`drover-pull ${words}`),
    report: async () => {
      const name = `reports/workers/${cloud.roleId}:${metadata.values.get("instance-id")}`;
      const text = (await bucket.get(name)) ?? "";
      return Object.fromEntries(
        text
          .split("\n")
          .filter((line) => line !== "")
          .map((line) => {
            const space = line.indexOf(" ");
            return [line.slice(0, space), line.slice(space + 1)];
          }),
      );
    },
  };
};

export { startCloud };
