import { Stack, Validations } from "aws-cdk-lib";
import type { IConstruct } from "constructs";

/**
 * Tells cdk-nag's rules, for those who run them over an app with Drover in it,
 * why one resource is as it is.
 *
 * @param rule - such as `AwsSolutions-SF1`
 */
export const acknowledge = (construct: IConstruct, rule: string, reason: string): void => {
  Validations.of(construct).acknowledge({ id: rule, reason });
};

/** The same for a wildcard in a policy; without one it does nothing. */
export const acknowledgeWildcard = (construct: IConstruct, arn: string, reason: string): void => {
  const shown = show(Stack.of(construct).resolve(arn));
  if (shown.includes("*")) {
    acknowledge(construct, `AwsSolutions-IAM5[Resource::${shown}]`, reason);
  }
};

/** As the rule shows a value that only CloudFormation knows: `<AWS::Region>`, `<Function.Arn>`. */
const show = (value: unknown): string => {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(show).join("");
  if (typeof value !== "object" || value === null) return "";
  const [name, argument] = Object.entries(value)[0] ?? [];
  if (name === "Ref") return `<${show(argument)}>`;
  if (name === "Fn::GetAtt" && Array.isArray(argument)) return `<${argument.join(".")}>`;
  if (name === "Fn::Join" && Array.isArray(argument)) return show(argument[1]);
  return show(argument);
};
