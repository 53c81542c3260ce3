import assert from "node:assert/strict";

import {
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  type SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from "@aws-sdk/client-sfn";

import { systemClock } from "../../lambdas/runtime/clock.ts";
import type { ServiceCase } from "./services.ts";

/** State machines of which one waits for an hour and one is over at once. */
export interface StepFunctionsTarget {
  readonly client: SFNClient;
  readonly waits: string;
  readonly passes: string;
  /** A name that no execution has had. */
  newName(): string;
}

const reference = "AWS Step Functions API Reference";

const start = (
  { client }: StepFunctionsTarget,
  stateMachineArn: string,
  name: string,
  input = "{}",
) => client.send(new StartExecutionCommand({ stateMachineArn, name, input }));

const describeExecution = ({ client }: StepFunctionsTarget, executionArn = "") =>
  client.send(new DescribeExecutionCommand({ executionArn }));

/** Waits until an execution is over; gives how. */
const untilOver = async (target: StepFunctionsTarget, executionArn = "") => {
  const end = systemClock.now() + 30_000;
  for (;;) {
    const found = await describeExecution(target, executionArn);
    if (found.status !== "RUNNING") return found;
    assert.ok(systemClock.now() < end, "it is over within 30 s");
    await systemClock.sleep(50);
  }
};

const taken = { name: "ExecutionAlreadyExists" };

export const stepFunctionsContract: readonly ServiceCase<StepFunctionsTarget>[] = [
  {
    title: "a running execution is started again by the same name and input, and is the same",
    source: `${reference}, StartExecution (idempotent for standard workflows)`,
    ministack: "refuses it",
    async run(target) {
      const name = target.newName();
      const first = await start(target, target.waits, name, '{"instanceId":"i-1"}');
      assert.equal(
        first.executionArn,
        `${target.waits.replace(":stateMachine:", ":execution:")}:${name}`,
      );
      const second = await start(target, target.waits, name, '{"instanceId":"i-1"}');
      assert.equal(second.executionArn, first.executionArn);
      assert.deepEqual(second.startDate, first.startDate);
      const found = await describeExecution(target, first.executionArn);
      assert.deepEqual(
        [found.status, found.input, found.name, found.stateMachineArn],
        ["RUNNING", '{"instanceId":"i-1"}', name, target.waits],
      );
    },
  },
  {
    title: "a running execution's name is refused with another input",
    source: `${reference}, StartExecution, ExecutionAlreadyExists`,
    async run(target) {
      const name = target.newName();
      const { executionArn } = await start(target, target.waits, name, '{"a":1}');
      await assert.rejects(start(target, target.waits, name, '{"a":2}'), taken);
      assert.equal((await describeExecution(target, executionArn)).input, '{"a":1}');
    },
  },
  {
    title: "the name of an execution that is over is refused, whatever the input",
    source: `${reference}, StartExecution (closed: ExecutionAlreadyExists, for 90 days)`,
    async run(target) {
      const name = target.newName();
      const { executionArn } = await start(target, target.passes, name, '{"a":1}');
      const over = await untilOver(target, executionArn);
      assert.deepEqual([over.status, JSON.parse(over.output ?? "")], ["SUCCEEDED", { a: 1 }]);
      assert.ok(over.stopDate instanceof Date);
      for (const input of ['{"a":1}', '{"a":2}'])
        await assert.rejects(start(target, target.passes, name, input), taken);
    },
  },
  {
    title: "an execution that was stopped is aborted, and so is its name",
    source: `${reference}, StopExecution`,
    async run(target) {
      const name = target.newName();
      const { executionArn } = await start(target, target.waits, name);
      await target.client.send(
        new StopExecutionCommand({ executionArn, error: "Stopped", cause: "by hand" }),
      );
      const over = await untilOver(target, executionArn);
      assert.deepEqual([over.status, over.error, over.cause], ["ABORTED", "Stopped", "by hand"]);
      await assert.rejects(start(target, target.waits, name), taken);
    },
  },
  {
    title:
      "a history tells, the last first, how an execution ended and what its last state was given",
    source: `${reference}, GetExecutionHistory, reverseOrder, StateEnteredEventDetails`,
    async run(target) {
      const { executionArn } = await start(target, target.waits, target.newName(), '{"of":"it"}');
      const last = async () => {
        const { events = [] } = await target.client.send(
          new GetExecutionHistoryCommand({ executionArn, reverseOrder: true, maxResults: 250 }),
        );
        return events;
      };
      const hasEntered = async () =>
        (await last()).some(({ type }) => type?.endsWith("StateEntered"));
      const end = systemClock.now() + 30_000;
      while (!(await hasEntered()) && systemClock.now() < end) await systemClock.sleep(50);
      await target.client.send(new StopExecutionCommand({ executionArn }));
      await untilOver(target, executionArn);
      const [ended, entered] = await last();
      assert.equal(ended?.type, "ExecutionAborted");
      assert.match(entered?.type ?? "", /^(Wait|Task)StateEntered$/);
      const { input, name } = entered?.stateEnteredEventDetails ?? {};
      assert.deepEqual([name, JSON.parse(input ?? "")], ["Only", { of: "it" }]);
      assert.ok(entered?.timestamp && ended?.timestamp && entered.timestamp <= ended.timestamp);
      assert.ok((ended.id ?? 0) > (entered.id ?? 0));
    },
  },
  {
    title: "nobody remembers the history of an execution that there never was",
    source: `${reference}, GetExecutionHistory, errors`,
    async run(target) {
      const executionArn = `${target.waits.replace(":stateMachine:", ":execution:")}:absent`;
      await assert.rejects(
        target.client.send(new GetExecutionHistoryCommand({ executionArn, reverseOrder: true })),
        { name: "ExecutionDoesNotExist" },
      );
    },
  },
  {
    title: "two machines may each have an execution of one name",
    source: `${reference}, StartExecution, name (unique for account, region, and state machine)`,
    async run(target) {
      const name = target.newName();
      const first = await start(target, target.waits, name);
      const second = await start(target, target.passes, name);
      assert.notEqual(first.executionArn, second.executionArn);
    },
  },
  {
    title: "a name has 80 characters at most, and none that a shell or a URL would mind",
    source: `${reference}, StartExecution, name (maximum length of 80, characters), InvalidName`,
    ministack: "takes any name",
    async run(target) {
      await start(target, target.waits, target.newName().padEnd(80, "n"));
      await start(target, target.waits, `${target.newName()}.at=12_30+1-@!`);
      await assert.rejects(start(target, target.waits, "n".repeat(81)), (error: Error) =>
        /InvalidName|ValidationException/.test(error.name),
      );
      for (const name of ["with space", "a/b", "a:b", "a*b", "a#b"])
        await assert.rejects(start(target, target.waits, name), { name: "InvalidName" });
    },
  },
  {
    title: "what is no JSON is no input",
    source: `${reference}, StartExecution, InvalidExecutionInput`,
    ministack: "takes it",
    async run(target) {
      await assert.rejects(start(target, target.waits, target.newName(), "{"), {
        name: "InvalidExecutionInput",
      });
    },
  },
  {
    title: "machines and executions that are not there are refused by name",
    source: `${reference}, StartExecution, DescribeExecution, errors`,
    async run(target) {
      await assert.rejects(start(target, `${target.waits}-absent`, target.newName()), {
        name: "StateMachineDoesNotExist",
      });
      const executionArn = `${target.waits.replace(":stateMachine:", ":execution:")}:absent`;
      await assert.rejects(describeExecution(target, executionArn), {
        name: "ExecutionDoesNotExist",
      });
    },
  },
  {
    title: "executions are listed by their status, the newest first",
    source: `${reference}, ListExecutions`,
    async run(target) {
      const names = [target.newName(), target.newName()];
      for (const name of names) await start(target, target.waits, name);
      const list = async (statusFilter: "RUNNING" | "FAILED") => {
        const { executions = [] } = await target.client.send(
          new ListExecutionsCommand({ stateMachineArn: target.waits, statusFilter, maxResults: 2 }),
        );
        return executions.map(({ name }) => name);
      };
      assert.deepEqual(await list("RUNNING"), names.toReversed());
      assert.deepEqual(await list("FAILED"), []);
    },
  },
];
