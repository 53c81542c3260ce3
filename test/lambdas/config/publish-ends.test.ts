import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import * as fc from "fast-check";
import { openDesk, PublishingRefused } from "../../../lambdas/config/bundle-desk.ts";
import { channelKey } from "../../../lambdas/config/keys.ts";
import { promoteStored, type PublishOrder } from "../../../lambdas/config/publish-bundle.ts";
import type { BuiltBundle } from "../../../lambdas/config/store-bundle.ts";
import { isolateSdk } from "../../../rehearsal/world/sdk-environment.ts";
import {
  createBundleAccount,
  Killed,
  killedAt,
  recordCalls,
  region,
  withEach,
  type BundleAccount,
} from "./bundle-account.ts";
import { order, atOnce, one, two, three, digests, publishTo, pointersOf } from "./publishing.ts";

let putBack = () => {};
before(() => {
  putBack = isolateSdk();
});
after(() => putBack());

let account: BundleAccount;
beforeEach(() => {
  account = createBundleAccount();
});

const publish = (built: BuiltBundle, how = order, desk = account.desk()) =>
  publishTo(desk, built, how);
const pointers = (pool?: string) => pointersOf(account, pool);

describe("two publishers at once", () => {
  it("one wins, and the other is told who was first", async () => {
    const grace: PublishOrder = { ...order, mover: { ...order.mover, who: "grace" } };
    // Both have read the channel before one of them writes it.
    let arrived = 0;
    let open = () => {};
    const both = new Promise<void>((resolve) => (open = resolve));
    const desk = () =>
      openDesk(
        {
          region,
          maxAttempts: 3,
          requestHandler: withEach(account.handler(), async ({ method, path }) => {
            if (method !== "PUT" || !path.endsWith(channelKey("workers"))) return;
            if (++arrived === 2) open();
            await both;
          }),
        },
        account.place,
        account.clock,
      );
    const results = await Promise.allSettled([
      publish(one, order, desk()),
      publish(two, grace, desk()),
    ]);
    const lost = results.filter((result) => result.status === "rejected");
    assert.equal(lost.length, 1);
    assert.match(String(lost[0]?.reason), /was moved meanwhile.*(ada|grace) was first/);
    assert.equal(account.channel()?.serial, 1);
    // And the one that lost can simply be run again.
    const again = results[0].status === "rejected" ? one : two;
    await publish(again);
    assert.equal(pointers().candidate, again.manifest.sha256);
  });

  it("store the same bundle once", async () => {
    const results = await Promise.allSettled([1, 2, 3, 4].map(() => publish(one)));
    assert.ok(results.some(({ status }) => status === "fulfilled"));
    assert.equal(pointers().candidate, digests.one);
    assert.equal(account.channel()?.serial, 1);
  });

  it("each serial is given once, however they meet", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.constantFrom(one, two, three), { minLength: 2, maxLength: 4 }),
        async (scheduler, all) => {
          account = createBundleAccount();
          const through = account.handler();
          const desk = () =>
            openDesk(
              {
                region,
                maxAttempts: 1,
                requestHandler: withEach(through, () =>
                  scheduler.schedule(Promise.resolve(), "request"),
                ),
              },
              account.place,
              account.clock,
            );
          const done = Promise.allSettled(all.map((built) => publish(built, atOnce, desk())));
          const results = await scheduler.waitFor(done);
          const history = account.channel()?.history ?? [];
          const steps = results.flatMap((each) =>
            each.status === "fulfilled" && each.value.step ? [each.value.step] : [],
          );
          for (const each of results)
            if (each.status === "rejected") assert.ok(each.reason instanceof PublishingRefused);
          assert.deepEqual(
            history.map(({ serial }) => serial),
            history.map((_, index) => index + 1),
          );
          // What a publisher was told that it did, is what the history says.
          assert.deepEqual(
            steps.map(({ serial }) => serial).toSorted((a, b) => a - b),
            history.map(({ serial }) => serial),
          );
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe("an answer that was lost", () => {
  for (const operation of ["PutObject", "Sign"]) {
    it(`to a ${operation} that was carried out does no harm`, async () => {
      for (let nth = 1; nth <= 4; nth += 1) {
        account = createBundleAccount();
        let count = 0;
        const through = account.handler();
        const requestHandler = {
          ...through,
          handle: async (...given: Parameters<typeof through.handle>) => {
            const answer = await through.handle(...given);
            const { method, headers } = given[0];
            const isMeant =
              operation === "Sign"
                ? headers["x-amz-target"] === "TrentService.Sign"
                : method === "PUT";
            if (isMeant && ++count === nth)
              throw Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
            return answer;
          },
        };
        const desk = openDesk(
          { region, maxAttempts: 3, requestHandler },
          account.place,
          account.clock,
        );
        const published = await publish(one, order, desk);
        assert.equal(published.step?.move, "published", `the ${nth}th`);
        assert.deepEqual([pointers().candidate, pointers().serial], [digests.one, 1]);
      }
    });
  }
});

describe("a publisher that ends anywhere", () => {
  for (const when of ["before", "after"] as const) {
    it(`leaves the channel whole, ${when} each of its requests, and is simply run again`, async () => {
      const { calls, onCall } = recordCalls();
      await publish(one, atOnce);
      await publish(two, order, account.desk({ onCall }));
      assert.ok(calls.length >= 10, `${calls.length} requests`);
      for (let request = 1; request <= calls.length; request += 1) {
        account = createBundleAccount();
        await publish(one, atOnce);
        const mortal = openDesk(
          { region, maxAttempts: 1, requestHandler: killedAt(account, request, when) },
          account.place,
          account.clock,
        );
        await assert.rejects(publish(two, order, mortal), Killed);
        const at = `at request ${request}, ${calls[request - 1]}`;
        const { candidate, current, serial } = pointers();
        assert.equal(current, digests.one, at);
        assert.deepEqual(
          [candidate, serial],
          candidate === undefined ? [undefined, 1] : [digests.two, 2],
          at,
        );
        await publish(two);
        assert.deepEqual([pointers().candidate, pointers().serial], [digests.two, 2], at);
        await promoteStored(account.desk(), order);
      }
    });
  }
});
