import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";

import { DetachInstancesCommand } from "@aws-sdk/client-auto-scaling";
import * as fc from "fast-check";

import { settledGroup } from "./auto-scaling-groups.ts";
import type { AutoScalingCase } from "./auto-scaling-target.ts";
import { autoScalingContract } from "./auto-scaling.ts";
import { openAccount } from "./aws/emulated-account.ts";
import { planRun, readWishes } from "./aws/plan.ts";
import { exit, runContract, runWeighted } from "./aws/run-contract.ts";
import type { RunOptions } from "./aws/run-contract.ts";

const createCase = (title: string, more: Partial<AutoScalingCase> = {}): AutoScalingCase => ({
  title,
  source: "Amazon EC2 Auto Scaling User Guide",
  minutes: 1,
  machines: 1,
  run: async (target) => void (await settledGroup(target)),
  ...more,
});

let account: Awaited<ReturnType<typeof openAccount>>;
let printed: string[];
beforeEach(async () => {
  account = await openAccount();
  printed = [];
});
afterEach(() => account.close());

const run = (more: Partial<RunOptions> = {}): Promise<number> =>
  runContract({
    contract: [createCase("one"), createCase("two")],
    env: { CONFIRM: "yes" },
    region: "eu-west-1",
    autoScaling: account.autoScaling,
    cloud: account.cloud,
    clock: account.clock,
    print: (line) => void printed.push(line),
    run: "test",
    ...more,
  });

const text = () => printed.join("\n");

describe("the contract against an account", () => {
  it("says what it would make and cost, and makes nothing unless it is told to", async () => {
    assert.equal(await run({ contract: autoScalingContract, env: {} }), exit.notStarted);
    assert.match(text(), /\d+ cases .* in eu-west-1/);
    assert.match(text(), /costs at most \$\d+\.\d\d/);
    assert.match(text(), /left out: .*48 hours: it takes two days/);
    assert.match(text(), /CONFIRM=yes/);
    assert.equal(account.calls(), 0);
    assert.deepEqual(account.left(), []);
  });

  it("makes nothing without credentials", async () => {
    const whoAmI = () => Promise.reject(new Error("could not load credentials"));
    assert.equal(await run({ cloud: { ...account.cloud, whoAmI } }), exit.notStarted);
    assert.match(text(), /no credentials/);
    assert.equal(account.calls(), 0);
  });

  it("runs its cases, slow ones too, and leaves nothing behind", async () => {
    // One after the other: here the time of one would pass for all.
    const contract = autoScalingContract.map((each) => ({ ...each, machines: 8 }));
    const env = { CONFIRM: "yes", SLOW: "yes" };
    assert.equal(await run({ contract, env }), exit.held, text());
    const { length } = autoScalingContract.filter(({ emulatedOnly }) => emulatedOnly === undefined);
    assert.equal(printed.filter((line) => line.startsWith("holds")).length, length);
    assert.deepEqual(account.left(), []);
  });

  it("says what differs and from where it was believed, and leaves nothing behind", async () => {
    const contract = [
      createCase("one"),
      createCase("differs", {
        async run(target) {
          const [group, instance = ""] = await settledGroup(target);
          await target.client.send(
            new DetachInstancesCommand({
              AutoScalingGroupName: group.name,
              InstanceIds: [instance],
              ShouldDecrementDesiredCapacity: true,
            }),
          );
          assert.equal(1, 2, "one is two");
        },
      }),
    ];
    assert.equal(await run({ contract }), exit.differs);
    assert.match(text(), /DIFFERS: differs\n.*one is two[^]*believed from: Amazon EC2/);
    assert.match(text(), /1 of 2 differ; everything was deleted/);
    assert.deepEqual(account.left(), []);
  });

  it("first deletes what an interrupted run has left, and nothing else", async () => {
    await account.cloud.makeLaunchTemplate("drover-contract-before", "before");
    await account.makeGroup("drover-contract-before-1", "before");
    await account.makeGroup("somebody-elses", undefined);
    let found: unknown;
    const looks = createCase("looks", {
      machines: 0,
      run: async () => {
        found = account.left();
      },
    });
    assert.equal(await run({ contract: [looks] }), exit.held, text());
    assert.deepEqual(found, ["drover-contract-test", "events of drover-contract-test"]);
    assert.deepEqual(account.left(), []);
    assert.deepEqual(
      account.emulator.instances("somebody-elses").map(({ state }) => state),
      ["InService"],
    );
  });

  it("deletes everything when it is interrupted, and begins nothing more", async () => {
    const interrupted = new AbortController();
    const begun: string[] = [];
    const contract = ["one", "two"].map((title) =>
      createCase(title, {
        machines: 8,
        async run(target) {
          begun.push(title);
          await settledGroup(target);
          interrupted.abort(new Error("enough"));
          await target.pause(1);
        },
      }),
    );
    assert.equal(await run({ contract, signal: interrupted.signal }), exit.differs);
    assert.deepEqual(begun, ["one"]);
    assert.match(text(), /interrupted; everything was deleted/);
    assert.deepEqual(account.left(), []);
  });

  it("deletes everything when an account does not fit", async () => {
    const findSubnets = async () => ["subnet-eu-west-1a"];
    assert.equal(await run({ cloud: { ...account.cloud, findSubnets } }), exit.notStarted);
    assert.match(text(), /1 default subnets .*, two are needed/);
    assert.deepEqual(account.left(), []);
  });

  it("tries again what AWS does not want to delete yet", async () => {
    const { cloud } = account;
    let refusals = 2;
    const deleteLaunchTemplate = async (id: string) => {
      if (refusals-- > 0) throw new Error("not now");
      await cloud.deleteLaunchTemplate(id);
    };
    account.emulator.refuse("DeleteAutoScalingGroup", "ScalingActivityInProgress", 3);
    assert.equal(await run({ cloud: { ...cloud, deleteLaunchTemplate } }), exit.held, text());
    assert.deepEqual(account.left(), []);
  });

  it("names what it could not delete, and then begins nothing", async () => {
    const { cloud } = account;
    const deleteLaunchTemplate = () => Promise.reject(new Error("forbidden"));
    const forbidden = { ...cloud, deleteLaunchTemplate };
    assert.equal(await run({ cloud: forbidden }), exit.leftSomething);
    assert.match(text(), /STILL THERE, delete it by hand: lt-0+ /);
    printed = [];
    assert.equal(await run({ cloud: forbidden }), exit.leftSomething);
    assert.doesNotMatch(text(), /holds/);
  });
});

describe("a plan", () => {
  it("takes wishes from the environment", () => {
    assert.deepEqual(readWishes({}), {
      confirmed: false,
      slow: false,
      only: undefined,
      machines: 8,
    });
    assert.deepEqual(readWishes({ CONFIRM: "YES", SLOW: "yes", ONLY: "hook", MACHINES: "2" }), {
      confirmed: true,
      slow: true,
      only: "hook",
      machines: 2,
    });
    assert.equal(readWishes({ CONFIRM: "1" }).confirmed, false, "only a yes is a yes");
    for (const machines of ["none", "0", "1.5", "-1"])
      assert.throws(() => readWishes({ MACHINES: machines }), /MACHINES/);
  });

  it("leaves out what is slow or takes too many machines, and never asks for two days", () => {
    const wishes = readWishes({ SLOW: "yes", MACHINES: "2" });
    const plan = planRun(autoScalingContract, wishes);
    assert.ok(plan.cases.every(({ machines }) => machines <= 2));
    assert.ok(plan.cases.some(({ slow }) => slow !== undefined));
    assert.ok(plan.cases.every(({ emulatedOnly }) => emulatedOnly === undefined));
    assert.equal(plan.cases.length + plan.leftOut.length, autoScalingContract.length);
    const quick = planRun(autoScalingContract, readWishes({}));
    assert.ok(quick.cases.every(({ slow }) => slow === undefined));
    assert.ok(quick.dollars > 0 && quick.dollars < plan.dollars + 1);
  });
});

describe("cases side by side", () => {
  it("all run, with never more machines than there may be", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 12 }),
        fc.integer({ min: 4, max: 9 }),
        async (sizes, machines) => {
          let running = 0;
          let ran = 0;
          await runWeighted(
            sizes.map((size) => ({ machines: size })),
            machines,
            async (item) => {
              running += item.machines;
              assert.ok(running <= machines);
              for (let turns = 0; turns < item.machines; turns += 1) await Promise.resolve();
              running -= item.machines;
              ran += 1;
            },
          );
          assert.equal(ran, sizes.length);
        },
      ),
    );
  });
});
