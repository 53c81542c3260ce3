import { Chain, type Choice, type IChainable, type INextable } from "aws-cdk-lib/aws-stepfunctions";

/** A choice as the end of a step: whatever follows becomes its default branch. */
export const otherwise = (choice: Choice): INextable => ({
  next(state: IChainable) {
    choice.otherwise(state);
    return Chain.sequence(choice, state);
  },
});
