import type { Stack } from "aws-cdk-lib";
import { resourcesOfType } from "./apps.ts";

export interface Retry {
  readonly ErrorEquals: readonly string[];
  readonly MaxAttempts: number;
  readonly IntervalSeconds?: number;
  readonly BackoffRate?: number;
  readonly MaxDelaySeconds?: number;
  readonly JitterStrategy?: string;
}

export interface State {
  readonly Type: string;
  readonly Next?: string;
  readonly End?: boolean;
  readonly Default?: string;
  readonly Resource?: string;
  readonly TimeoutSeconds?: number;
  readonly ResultPath?: string;
  readonly Comment?: string;
  readonly Choices?: readonly { readonly Next: string }[];
  readonly Retry?: readonly Retry[];
  readonly Catch?: readonly {
    readonly ErrorEquals: readonly string[];
    readonly Next: string;
    readonly ResultPath?: string;
  }[];
}

export interface Definition {
  readonly StartAt: string;
  readonly TimeoutSeconds?: number;
  readonly Comment?: string;
  readonly QueryLanguage?: string;
  readonly States: Readonly<Record<string, State>>;
}

/** What CloudFormation puts in the place of an intrinsic function. */
const placeholder = (value: object): string => {
  const [name = "", argument] = Object.entries(value)[0] ?? [];
  if (name === "Ref" && argument === "AWS::Partition") return "aws";
  const id = String(Array.isArray(argument) ? argument[0] : argument);
  return `arn:aws:lambda:eu-central-1:111122223333:function:${id}`;
};

/**
 * The definition of a state machine of a stack, as Step Functions gets it.
 *
 * @param name - how the name of the machine ends
 */
export const definitionOf = (stack: Stack, name = "retire-node"): Definition => {
  const machine = resourcesOfType(stack, "AWS::StepFunctions::StateMachine").find(
    ({ Properties }) => String(Properties["StateMachineName"]).endsWith(`-${name}`),
  );
  const text = machine?.Properties["DefinitionString"] as
    | string
    | { "Fn::Join": [string, (string | object)[]] };
  if (typeof text === "string") return JSON.parse(text) as Definition;
  const [separator, parts] = text["Fn::Join"];
  return JSON.parse(
    parts.map((part) => (typeof part === "string" ? part : placeholder(part))).join(separator),
  ) as Definition;
};
