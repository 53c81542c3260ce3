import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type Machine, makeMachine } from "../test/node/world/machine.ts";
import {
  buildBundle,
  bundleObjects,
  makeKey,
  publicPem,
  type Source,
} from "../test/node/world/publisher.ts";
import { machines } from "../test/tools/needs.ts";
import { type Benchmark, type Figure, median } from "./benchmark.ts";

/**
 * How much longer than a plain `curl` and `tar` a machine may need to trust what it unpacks.
 *
 * A large bundle takes what gunzip takes; its digest and the tar in between are a tenth of that. A
 * small one takes what processes take to start, and misses the aim: 20 ms for `curl` and `tar`, twice
 * that for whoever fetches the manifest and its signature too and asks openssl twice, which is measured
 * beside it, and 55 ms here, with the lock, the room on the disk, the look at each entry and the
 * order that is made before and after.
 */
const aim = 1.3;
const rounds = 5;

/** Text that packs to about half, in files of a hundred kilobytes. */
const makeSource = (megabytes: number): Source => {
  const file = (index: number): string => {
    const lines = Array.from({ length: 1_540 }, (_, line) =>
      createHash("sha256").update(`${index} ${line}`).digest("hex"),
    );
    return `${lines.join("\n")}\n`;
  };
  const files = Array.from({ length: megabytes * 10 }, (_, index) => [
    `/etc/bench/${index}.conf`,
    file(index),
  ]);
  return { files: Object.fromEntries(files) };
};

const serve = async (objects: ReadonlyMap<string, Buffer>) => {
  const server = createServer((request, response) => {
    const object = objects.get((request.url ?? "").replace("/bucket/", ""));
    response.writeHead(object ? 200 : 404).end(object);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
};

const time = async (machine: Machine, command: string): Promise<number> => {
  const began = performance.now();
  const { code, stderr } = await machine.run(command, { limitSeconds: 120 });
  const took = performance.now() - began;
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${stderr}`);
  await machine.run("rm -rf /unpacked /tmp/archive");
  return took;
};

/** What somebody types who trusts the key and not the bucket. */
const verifyByHand = (url: string): string => `set -e
mkdir /unpacked
cd /tmp
for part in manifest manifest.sig tar.gz; do curl -sf -o $part ${url}.$part; done
openssl dgst -sha256 -verify /etc/drover/key.pem -signature manifest.sig manifest
gzip -dc tar.gz >tar
[ "$(openssl dgst -sha256 -r tar | cut -c 1-64)" = "$(sed -n 's/^sha256 //p' manifest)" ]
tar -xf tar -C /unpacked`;

const measure = async (megabytes: number): Promise<readonly Figure[]> => {
  const ends: (() => Promise<void>)[] = [];
  const key = makeKey();
  const bundle = await buildBundle(key.privateKey, makeSource(megabytes));
  const { server, endpoint } = await serve(bundleObjects(bundle));
  try {
    const machine = await makeMachine({ after: (end) => ends.push(end) });
    machine.write("/etc/drover/key.pem", publicPem(key.publicKey));
    machine.write(
      "/etc/drover/settings",
      ["POOL=workers", "CLUSTER=c", "BUCKET=bucket", "REGION=r", "ROLE_ID=A"]
        .concat(`S3_ENDPOINT=${endpoint}`)
        .map((line) => `DROVER_${line}\n`)
        .join(""),
    );
    const script = join(import.meta.dirname, "..", "test", "node", "world", "unpack-once.sh");
    machine.write("/unpack-once.sh", readFileSync(script), 0o755);
    const url = `${endpoint}/bucket/bundles/workers/${bundle.sha256}`;
    const plain: number[] = [];
    const byHand: number[] = [];
    const ours: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      plain.push(
        await time(
          machine,
          `mkdir /unpacked; curl -sf -o /tmp/archive ${url}.tar.gz && tar -xzf /tmp/archive -C /unpacked`,
        ),
      );
      byHand.push(await time(machine, verifyByHand(url)));
      ours.push(await time(machine, `/unpack-once.sh ${bundle.sha256}`));
    }
    const what = `${megabytes} MB: pull, verify, unpack`;
    const value = median(ours);
    return [
      {
        what,
        value,
        unit: "ms",
        against: { what: "curl and tar", value: median(plain) },
        aim: Math.round(median(plain) * aim),
      },
      {
        what,
        value,
        unit: "ms",
        against: { what: "the same by hand", value: median(byHand) },
        aim: Math.round(median(byHand) * aim),
      },
    ];
  } finally {
    server.closeAllConnections();
    server.close();
    for (const end of ends) await end();
  }
};

/** How long a machine takes for a bundle, against somebody who trusts the bucket. */
export const pull: Benchmark = {
  name: "pull",
  run: async (report) => {
    await machines.prepare(report);
    return [...(await measure(1)), ...(await measure(100))];
  },
};
