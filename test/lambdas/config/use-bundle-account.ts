import { after, before, beforeEach } from "node:test";
import { isolateSdk } from "../../../rehearsal/world/sdk-environment.ts";
import { type BundleAccount, createBundleAccount } from "./bundle-account.ts";

/**
 * An account of its own for each test of a file.
 *
 * @returns that of the test that runs
 */
export const useBundleAccount = (): (() => BundleAccount) => {
  let putBack = () => {};
  let account: BundleAccount;
  before(() => {
    putBack = isolateSdk();
  });
  after(() => putBack());
  beforeEach(() => {
    account = createBundleAccount();
  });
  return () => account;
};
