import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import {
  type Channel,
  formatChannel,
  parseChannel,
  signChannel,
  splitChannel,
} from "../../lambdas/config/channel.ts";
import { archiveKey, channelKey, manifestKey, signatureKey } from "../../lambdas/config/keys.ts";
import { formatManifest } from "../../lambdas/config/manifest.ts";
import { minute, moment, second, span } from "../faults/draw.ts";
import type { PublishFault, PublishScene } from "./scene.ts";

/** Of somebody who may write to the bucket, and may not sign. */
const intruder = generateKeyPairSync("ec", { namedCurve: "P-256" });
const signedByIntruder = (text: string): Buffer =>
  sign("sha256", Buffer.from(text), intruder.privateKey);

const evil = Buffer.from("what nobody has published".padEnd(1024, "."));
export const evilDigest = createHash("sha256").update(evil).digest("hex");

const putEvilBundle = ({ pool, intrude }: PublishScene): void => {
  const manifest = formatManifest({ pool, sha256: evilDigest, bytes: evil.length, entries: 1 });
  intrude(archiveKey(pool, evilDigest), gzipSync(evil));
  intrude(manifestKey(pool, evilDigest), manifest);
  intrude(signatureKey(pool, evilDigest), signedByIntruder(manifest));
};

const channelIn = ({ world, bucket, pool }: PublishScene): Channel | undefined => {
  const stored = world.s3.get(bucket, channelKey(pool));
  if (stored === undefined) return undefined;
  return parseChannel(splitChannel(Buffer.from(stored.content.bytes).toString("utf8")).text);
};

/** Puts something in the place of an object for a while; then a person brings back what was there. */
const replaceFor = async (
  { world, bucket, intrude }: PublishScene,
  key: string,
  content: string | Uint8Array,
  lasts: number,
): Promise<void> => {
  const before = world.s3.get(bucket, key)?.content.bytes;
  intrude(key, content);
  const own = world.s3.get(bucket, key)?.id;
  await world.clock.sleep(lasts);
  // Somebody may have written over it meanwhile.
  if (before !== undefined && world.s3.get(bucket, key)?.id === own) intrude(key, before);
};

const draw = (random: () => number) => ({
  at: moment(random, 4 * minute),
  lasts: span(random, 5 * second, 4 * minute),
});

export const intrusions: readonly PublishFault[] = [
  {
    name: "unsigned-archive",
    what: "somebody puts a bundle of their own into the bucket, and asks to have it promoted",
    draw: (random) => ({ at: moment(random, 4 * minute) }),
    strike: async (scene) => {
      putEvilBundle(scene);
      const { pool, order, struck } = scene;
      const { status } = await order({ action: "promote", pool, bundle: evilDigest });
      struck(`promoting it has ${status === "SUCCEEDED" ? "succeeded" : "failed"}`);
    },
  },
  {
    name: "forged-channel",
    what: "somebody puts a channel there that points to a bundle of their own, signed by another key",
    draw,
    strike: async (scene, { lasts = minute }) => {
      const channel = channelIn(scene);
      if (channel === undefined) return;
      putEvilBundle(scene);
      const text = formatChannel({ ...channel, serial: channel.serial + 1, current: evilDigest });
      scene.struck();
      const forged = signChannel(text, signedByIntruder(text));
      await replaceFor(scene, channelKey(scene.pool), forged, lasts);
    },
  },
  {
    name: "old-channel",
    what: "somebody puts the oldest channel back",
    draw,
    strike: async (scene, { lasts = minute }) => {
      const { world, bucket, pool, struck } = scene;
      const [oldest, newer] = world.s3
        .versions(bucket)
        .filter(({ key }) => key === channelKey(pool));
      if (oldest?.content === undefined || newer === undefined) return;
      struck();
      await replaceFor(scene, channelKey(pool), oldest.content.bytes, lasts);
    },
  },
  {
    name: "damaged-archive",
    what: "a byte of what the current bundle holds becomes another",
    draw,
    strike: async (scene, { lasts = minute }) => {
      const { world, bucket, pool, random, struck } = scene;
      const key = archiveKey(pool, channelIn(scene)?.current ?? "none");
      const stored = world.s3.get(bucket, key);
      if (stored === undefined) return;
      const tar = gunzipSync(stored.content.bytes);
      const at = Math.floor(random() * tar.length);
      tar[at] = (tar[at] ?? 0) ^ 1;
      struck(`byte ${at}`);
      await replaceFor(scene, key, gzipSync(tar), lasts);
    },
  },
];
