import { publishBundle } from "../../../lambdas/config/publish-bundle.ts";
import { parseReport } from "../../../lambdas/config/report.ts";
import type { Clock } from "../../../lambdas/runtime/clock.ts";
import { machineObjects } from "../../../rehearsal/machines/machine-objects.ts";
import { pull, type PullingMachine } from "../../../rehearsal/machines/pull.ts";
import type { MachineSettings } from "../../../rehearsal/machines/settings.ts";
import { seeded } from "../../../rehearsal/random.ts";
import type { WireOptions } from "../../../rehearsal/wire.ts";
import {
  bucket,
  buildSome,
  createBundleAccount,
  region,
} from "../../lambdas/config/bundle-account.ts";

/** A bucket with bundles of the pool `workers`, and one machine that fetches from it. */
export const createMachineWorld = (settings: Partial<MachineSettings> = {}) => {
  const account = createBundleAccount();
  const all: MachineSettings = {
    pool: "workers",
    bucket,
    region,
    roleId: "AROAEXAMPLE",
    serialFloor: 0,
    assignment: "current",
    bootSeconds: 900,
    publicKeys: [account.kms.publicKey(account.key)],
    ...settings,
  };
  let tag: string | undefined;
  const clock: Clock = account.clock;
  // The account's clock passes as soon as anybody waits: on the wire no answer takes any time.
  const wireClock: Clock = { now: () => clock.now(), sleep: () => new Promise(() => undefined) };
  const disk: PullingMachine["disk"] = { installations: [] };
  const run = (options: Partial<WireOptions> = {}) =>
    pull({
      instanceId: "i-0123456789abcdef0",
      settings: all,
      objects: machineObjects(account.handler({ clock: wireClock, ...options }), all),
      tag: () => tag,
      disk,
      clock,
      random: seeded(1),
    });
  return {
    account,
    disk,
    pull: run,
    setTag: (value: string | undefined) => (tag = value),
    publish: async (text: string, promote = false): Promise<string> => {
      const built = buildSome(text);
      const mover = { who: "ada", now: clock.now() };
      const order = { pool: "workers", promote, mover };
      await publishBundle(account.desk(), built, [], order);
      return built.manifest.sha256;
    },
    report: () => {
      const stored = account.s3.get(bucket, "reports/workers/AROAEXAMPLE:i-0123456789abcdef0");
      return stored && parseReport(Buffer.from(stored.content.bytes).toString());
    },
  };
};
