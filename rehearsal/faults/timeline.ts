import type { World } from "../world.ts";
import type { Strike } from "./apply.ts";

/** One thing that happened. */
interface Entry {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Who speaks: `bus`, `state`, `call`, `fault`, `group`, `node`, `power`. */
  readonly from: string;
  readonly text: string;
}

export interface TimelineOptions {
  /** Milliseconds since the epoch from which times are counted. */
  readonly since: number;
  /** Whom the lines are about; faults are always told. */
  readonly instanceId: string;
  readonly strikes?: readonly Strike[];
  /** Around which moment. @default when the hook was decided, or the last thing that happened */
  readonly around?: number;
  /** @default 30 */
  readonly lines?: number;
}

const ofBus = ({ bus }: World, id: string): Entry[] => {
  const names = (event: unknown) => JSON.stringify(event).includes(id);
  return [
    ...bus.published
      .filter(({ source, detail }) => source !== "aws.states" && names(detail))
      .map(({ time, "detail-type": type }) => ({
        at: Date.parse(time),
        from: "bus",
        text: `${type} is published`,
      })),
    ...bus.deliveries
      .filter(({ event }) => event.source !== "aws.states" && names(event.detail))
      .map(({ at, event, outcome, attempt }) => ({
        at,
        from: "bus",
        text: `${event["detail-type"]} is ${outcome}${attempt > 1 ? ` at attempt ${attempt}` : ""}`,
      })),
  ];
};

const nameOf = (arn: string): string => arn.slice(arn.lastIndexOf(":") + 1);

const ofRuns = ({ engine, stepFunctions }: World, id: string): Entry[] => {
  const own = [...engine.runs.values()].filter(({ input }) => input.includes(id));
  const ends = stepFunctions
    .executions()
    .filter(({ input, stoppedAt }) => input.includes(id) && stoppedAt !== undefined)
    .map(({ stoppedAt = 0, name, status, error }) => ({
      at: stoppedAt,
      from: "state",
      text: `${name} ends: ${status}${error ? ` ${error}` : ""}`,
    }));
  const words: Readonly<Record<string, string>> = {
    StateEntered: "begins",
    StateExited: "ends",
    StateFailed: "fails",
    StateRetried: "is tried again",
    StateCaught: "is caught",
  };
  return [
    ...own.flatMap(({ events, executionArn }) =>
      events.flatMap(({ at, type, state, error }) => {
        if (type === "ExecutionStarted")
          return [{ at, from: "state", text: `${nameOf(executionArn)} begins` }];
        if (state === undefined) return [];
        const what = error ? `: ${error}` : "";
        return [{ at, from: "state", text: `${state} ${words[type] ?? type}${what}` }];
      }),
    ),
    ...ends,
  ];
};

const ofCalls = ({ ledger }: World, id: string): Entry[] =>
  ledger.entries
    .filter(({ subject }) => subject.instanceId === id)
    .map(({ at, service, operation, task, answer }) => ({
      at,
      from: "call",
      text: `${task}: ${service} ${operation}: ${answer ?? "no answer"}`,
    }));

const ofGroup = ({ autoScaling }: World, id: string): Entry[] => {
  const { history, actions } = autoScaling.instance(id);
  return [
    ...history.map(({ state, at }) => ({ at, from: "group", text: state })),
    ...actions.flatMap(({ hook, startedAt, outcome }) => [
      { at: startedAt, from: "group", text: `the hook ${hook.name} holds it` },
      ...(outcome
        ? [
            {
              at: outcome.at,
              from: "group",
              text: `the hook ${hook.name} is over: ${outcome.how} ${outcome.result}`,
            },
          ]
        : []),
    ]),
  ];
};

const ofCluster = ({ park }: World, id: string): Entry[] => {
  const { chronicle, ends } = park;
  return [
    ...(chronicle?.writes ?? [])
      .filter(({ instanceId }) => instanceId === id)
      .map(({ at, call, accessor }) => ({
        at,
        from: "node",
        text: `${call} by ${accessor === chronicle?.droverAccessor ? "Drover" : "a person"}`,
      })),
    ...ends
      .filter(({ instanceId }) => instanceId === id)
      .map(({ at, drain, liveTasks }) => ({
        at,
        from: "power",
        text: `its machine ends: drain ${drain}, ${liveTasks.length} live tasks`,
      })),
  ];
};

/** The same thing several times in a row is one line. */
const gather = (entries: readonly Entry[]): { entry: Entry; times: number }[] => {
  const rows: { entry: Entry; times: number }[] = [];
  for (const entry of entries) {
    const last = rows.at(-1);
    if (last?.entry.text === entry.text && last.entry.from === entry.from) last.times += 1;
    else rows.push({ entry, times: 1 });
  }
  return rows;
};

/** What happened to one instance, told from all sides, around one moment. */
export const tellTimeline = (world: World, options: TimelineOptions): string[] => {
  const { since, instanceId, strikes = [], lines = 30 } = options;
  const entries = [
    ...strikes.map(({ fault, at, what }) => ({
      at: since + at,
      from: "fault",
      text: what ? `${fault}: ${what}` : fault,
    })),
    ...ofBus(world, instanceId),
    ...ofGroup(world, instanceId),
    ...ofRuns(world, instanceId),
    ...ofCalls(world, instanceId),
    ...ofCluster(world, instanceId),
  ]
    .filter(({ at }) => at >= since - 1000)
    .toSorted((one, other) => one.at - other.at);
  const decided = Math.max(
    ...world.autoScaling.instance(instanceId).actions.map(({ outcome }) => outcome?.at ?? since),
  );
  const around = options.around ?? (decided > since ? decided : (entries.at(-1)?.at ?? since));
  const rows = gather(entries);
  const middle = rows.findLastIndex(({ entry }) => entry.at <= around);
  const from = Math.max(0, Math.min(middle - Math.ceil((lines * 2) / 3), rows.length - lines));
  return rows.slice(from, from + lines).map(({ entry: { at, from: who, text }, times }) => {
    const seconds = ((at - since) / 1000).toFixed(1).padStart(8);
    return `${seconds} s  ${who.padEnd(5)}  ${text}${times > 1 ? ` (${times} times)` : ""}`;
  });
};
