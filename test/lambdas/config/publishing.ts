import { type BundleDesk, PublishingRefused } from "../../../lambdas/config/bundle-desk.ts";
import { publishBundle, type PublishOrder } from "../../../lambdas/config/publish-bundle.ts";
import type { BuiltBundle } from "../../../lambdas/config/store-bundle.ts";
import { beginning, type BundleAccount, buildSome } from "./bundle-account.ts";

export const order: PublishOrder = {
  pool: "workers",
  promote: false,
  mover: { who: "ada", now: beginning, revision: "0123456789ab" },
};
export const atOnce: PublishOrder = { ...order, promote: true };

export const one = buildSome("one");
export const two = buildSome("two");
export const three = buildSome("three");
export const digests = {
  one: one.manifest.sha256,
  two: two.manifest.sha256,
  three: three.manifest.sha256,
};

export const publishTo = (desk: BundleDesk, built: BuiltBundle, how = order) =>
  publishBundle(desk, built, [], how);

export const pointersOf = (account: BundleAccount, pool?: string) => {
  const { current, candidate, previous, serial } = account.channel(pool) ?? {};
  return { current, candidate, previous, serial };
};

export const isRefused = (said: RegExp) => (error: unknown) =>
  error instanceof PublishingRefused && said.test(error.message);
