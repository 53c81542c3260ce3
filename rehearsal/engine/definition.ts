import type { StateMachineDefinition } from "aws-local-stepfunctions";

/** A Task state, as the world invokes it. */
export interface TaskOf {
  readonly state: string;
  /** ARN of the function, a version or the function itself. */
  readonly functionArn: string;
  /** Whether the function's answer comes wrapped, as `arn:aws:states:::lambda:invoke` gives it. */
  readonly wrapped: boolean;
}

export interface PreparedDefinition {
  readonly definition: StateMachineDefinition;
  readonly tasks: readonly TaskOf[];
}

type Json = Readonly<Record<string, unknown>>;

const everywhere = ["Type", "Comment", "Next", "End", "InputPath", "OutputPath", "QueryLanguage"];
const results = ["Parameters", "ResultSelector", "ResultPath", "Retry", "Catch"];

/** All fields that the engine carries out as Step Functions does, by the type of state. */
const fields: Readonly<Record<string, readonly string[]>> = {
  Choice: ["Choices", "Default"],
  Fail: ["Error", "ErrorPath", "Cause", "CausePath"],
  Map: [
    ...results,
    "ItemProcessor",
    "ItemSelector",
    "ItemsPath",
    "Iterator",
    "MaxConcurrency",
    "MaxConcurrencyPath",
  ],
  Parallel: [...results, "Branches"],
  Pass: ["Parameters", "Result", "ResultPath"],
  Succeed: [],
  Task: [...results, "Resource", "TimeoutSeconds", "TimeoutSecondsPath"],
  Wait: ["Seconds", "SecondsPath", "Timestamp", "TimestampPath"],
};

/** Why a field is refused, where it is worth saying. */
const reasons: Readonly<Record<string, string>> = {
  Assign: "variables would be left out in silence",
  HeartbeatSeconds: "heartbeats of tasks are not emulated",
  HeartbeatSecondsPath: "heartbeats of tasks are not emulated",
};

const machineFields = [
  "Comment",
  "QueryLanguage",
  "StartAt",
  "States",
  "TimeoutSeconds",
  "Version",
  "ProcessorConfig",
];

const unsupportedText: readonly (readonly [RegExp, string])[] = [
  [/\$\$\.State\./, "$$.State.* is not emulated"],
  [/\$\$\.Task\./, "task tokens are not emulated"],
  [/States\.JsonMerge/, "States.JsonMerge would change its first argument"],
];

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const lambdaInvoke = "arn:aws:states:::lambda:invoke";

/**
 * Makes a synthesized definition ready for the engine, and refuses what the
 * engine would carry out otherwise than Step Functions, or not at all.
 *
 * @param machine - its name, for the message
 * @throws with every problem at once, each naming its state
 */
export const prepareDefinition = (machine: string, text: string): PreparedDefinition => {
  const problems: string[] = [];
  const tasks: TaskOf[] = [];
  const names = new Set<string>();

  const checkTask = (name: string, state: Json): void => {
    if (state["TimeoutSeconds"] === undefined && state["TimeoutSecondsPath"] === undefined)
      problems.push(
        `${name}: a Task without TimeoutSeconds waits for ever on AWS, and a minute here`,
      );
    const resource = String(state["Resource"]);
    if (/^arn:aws:lambda:[^:]*:[^:]*:function:/.test(resource)) {
      tasks.push({ state: name, functionArn: resource, wrapped: false });
      return;
    }
    const parameters = state["Parameters"];
    if (resource !== lambdaInvoke || !isObject(parameters)) {
      problems.push(`${name}: the resource ${resource} is not emulated`);
      return;
    }
    tasks.push({ state: name, functionArn: String(parameters["FunctionName"]), wrapped: true });
  };

  const checkTexts = (name: string, value: unknown): void => {
    if (typeof value === "string") {
      for (const [pattern, why] of unsupportedText)
        if (pattern.test(value)) problems.push(`${name}: ${why}`);
    } else if (typeof value === "object" && value !== null) {
      for (const inner of Object.values(value)) checkTexts(name, inner);
    }
  };

  const prepareState = (name: string, state: Json): Json => {
    if (names.has(name)) problems.push(`${name}: two states have this name`);
    names.add(name);
    const type = String(state["Type"]);
    const known = fields[type];
    if (known === undefined) {
      problems.push(`${name}: ${type} is no type of state`);
      return state;
    }
    for (const field of Object.keys(state)) {
      if (known.includes(field) || everywhere.includes(field)) continue;
      problems.push(`${name}: ${field}: ${reasons[field] ?? `not emulated in a ${type} state`}`);
    }
    if (state["QueryLanguage"] !== undefined && state["QueryLanguage"] !== "JSONPath")
      problems.push(`${name}: ${JSON.stringify(state["QueryLanguage"])} is not emulated`);
    if (state["Parameters"] !== undefined && typeof state["Parameters"] !== "object")
      problems.push(
        `${name}: Parameters is the text ${JSON.stringify(state["Parameters"])}, which is passed as it stands; leave it out to pass the whole input`,
      );
    if (type === "Task") checkTask(name, state);

    const prepared: Record<string, unknown> = { ...state };
    // For the engine "$" would be a field of this name.
    if (prepared["ResultPath"] === "$") delete prepared["ResultPath"];
    if (Array.isArray(prepared["Catch"]))
      prepared["Catch"] = prepared["Catch"].map((catcher: Json) => {
        const { ResultPath, ...rest } = catcher;
        return ResultPath === "$" ? rest : catcher;
      });
    for (const part of ["ItemProcessor", "Iterator"])
      if (isObject(prepared[part])) prepared[part] = prepareMachine(name, prepared[part]);
    if (Array.isArray(prepared["Branches"]))
      prepared["Branches"] = prepared["Branches"].map((branch: Json) =>
        prepareMachine(name, branch),
      );
    const { ItemProcessor: _1, Iterator: _2, Branches: _3, ...own } = state;
    checkTexts(name, own);
    return prepared;
  };

  const prepareMachine = (name: string, definition: Json): Json => {
    for (const field of Object.keys(definition))
      if (!machineFields.includes(field)) problems.push(`${name}: ${field} is not emulated`);
    if (definition["QueryLanguage"] !== undefined && definition["QueryLanguage"] !== "JSONPath")
      problems.push(`${name}: ${JSON.stringify(definition["QueryLanguage"])} is not emulated`);
    const mode = (definition["ProcessorConfig"] as Json | undefined)?.["Mode"];
    if (mode !== undefined && mode !== "INLINE")
      problems.push(`${name}: a Map in the mode ${JSON.stringify(mode)} is not emulated`);
    const states = isObject(definition["States"]) ? definition["States"] : {};
    return {
      ...definition,
      States: Object.fromEntries(
        Object.entries(states).map(([state, body]) => [state, prepareState(state, body as Json)]),
      ),
    };
  };

  const prepared = prepareMachine(machine, JSON.parse(text) as Json);
  if (problems.length > 0)
    throw new Error(
      `the embedded world cannot run the state machine ${machine}:\n  ${problems.join("\n  ")}`,
    );
  return { definition: prepared as unknown as StateMachineDefinition, tasks };
};
