import {
  Annotations,
  Aspects,
  CfnElement,
  DefaultTokenResolver,
  type IPostProcessor,
  Reference,
  type IResolvable,
  type IResolveContext,
  Stack,
  Stage,
  StringConcat,
  Tokenization,
} from "aws-cdk-lib";
import type { CfnAutoScalingGroup } from "aws-cdk-lib/aws-autoscaling";
import type { Construct, IConstruct, IDependable } from "constructs";

/**
 * Has a group deleted before what its hooks need: while it is deleted its
 * instances terminate, and each waits for its hook to be completed. So the
 * group has to be made after Drover, which also lets its first instances have
 * somebody who answers.
 *
 * In two stacks, the group's stack comes after Drover's, unless Drover's stack
 * needs something of it (its VPC, say): then the other order is all there is,
 * and a warning says what it means.
 */
export const deleteBefore = (
  group: CfnAutoScalingGroup,
  drover: Construct,
  needed: IDependable,
): void => {
  const groupStack = topStack(group);
  const droverStack = topStack(drover);
  if (groupStack === droverStack) {
    group.node.addDependency(needed);
    return;
  }
  // Stacks of two stages cannot depend on each other.
  const stage = Stage.of(drover);
  if (!stage || stage !== Stage.of(group)) return;
  let decided = false;
  // What refers to what is only known when the app is complete.
  Aspects.of(stage).add(
    {
      visit() {
        if (decided) return;
        decided = true;
        if (!needs(droverStack, groupStack)) {
          groupStack.addStackDependency(droverStack, "the groups' hooks need Drover to the end");
          return;
        }
        Annotations.of(drover).addWarningV2(
          "drover:deletedBeforeGroup",
          `${droverStack.node.path} needs something of ${groupStack.node.path}, so it is deleted first: ` +
            `then the instances of ${group.node.path} wait for their hooks to expire. ` +
            "Put Drover and the group into one stack, or take from a third stack what both need; " +
            "or set the group's size to 0 before the stacks are deleted.",
        );
      },
    },
    { priority: 1000 },
  );
};

/** The stack that is deployed by itself: not a nested one. */
const topStack = (construct: IConstruct): Stack => {
  const stack = Stack.of(construct);
  return stack.nestedStackParent ? topStack(stack.nestedStackParent) : stack;
};

/** Whether `stack` cannot be made before `other`, directly or by way of others. */
const needs = (stack: Stack, other: Stack, seen = new Set<Stack>()): boolean => {
  if (stack === other) return true;
  if (seen.has(stack)) return false;
  seen.add(stack);
  return [...directNeeds(stack)].some((next) => needs(next, other, seen));
};

const directNeeds = (stack: Stack): Set<Stack> => {
  const found = new Set<Stack>(stack.dependencies);
  for (const construct of stack.node.findAll()) {
    for (const dependency of construct.node.dependencies) found.add(topStack(dependency));
    if (CfnElement.isCfnElement(construct)) {
      for (const target of references(construct)) found.add(topStack(target));
    }
  }
  found.delete(stack);
  return found;
};

/** Everything that a resource refers to, as it will be written into the template. */
const references = (element: CfnElement): IConstruct[] => {
  const found = new ReferenceCollector();
  // What CDK itself asks when it turns references into exports; it has no public name.
  const render = Reflect.get(element, "_toCloudFormation") as (() => unknown) | undefined;
  Tokenization.resolve(render?.call(element), {
    scope: element,
    resolver: found,
    preparing: true,
  });
  return found.targets;
};

class ReferenceCollector extends DefaultTokenResolver {
  readonly targets: IConstruct[] = [];

  constructor() {
    super(new StringConcat());
  }

  override resolveToken(
    token: IResolvable,
    context: IResolveContext,
    postProcessor: IPostProcessor,
  ): unknown {
    if (Reference.isReference(token)) this.targets.push(token.target);
    return super.resolveToken(token, context, postProcessor);
  }
}
