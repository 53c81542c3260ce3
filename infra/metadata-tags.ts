import { Stack } from "aws-cdk-lib";
import type { CfnAutoScalingGroup } from "aws-cdk-lib/aws-autoscaling";
import type { CfnLaunchTemplate } from "aws-cdk-lib/aws-ec2";

/**
 * What the keys of an instance's tags may be once they are in its metadata.
 *
 * Source: Amazon EC2 User Guide, "View tags for your EC2 instances using instance
 * metadata"; what breaks it fails to launch.
 */
const isShowable = (key: string): boolean =>
  /^[\w\-+=,.@:]{1,255}$/.test(key) && !/^(\.\.?|_index)$/.test(key);

interface GroupTag {
  readonly key: string;
  readonly propagateAtLaunch: boolean;
}

interface TagSpecification {
  readonly resourceType?: string;
  readonly tags?: readonly { readonly key: string }[];
}

/**
 * One line for each tag with which EC2 would launch no machine of the group.
 * All tags are known only when the app is complete.
 */
export const hinderingTags = (
  group: CfnAutoScalingGroup,
  template: CfnLaunchTemplate,
): string[] => {
  const ofGroup = ((group.tags.renderTags() ?? []) as readonly GroupTag[]).flatMap(
    ({ key, propagateAtLaunch }) => (propagateAtLaunch ? [[group.node.path, key] as const] : []),
  );
  const { tagSpecifications = [] } = Stack.of(template).resolve(template.launchTemplateData) as {
    readonly tagSpecifications?: readonly TagSpecification[];
  };
  const ofTemplate = tagSpecifications
    .filter(({ resourceType }) => resourceType === "instance")
    .flatMap(({ tags = [] }) => tags.map(({ key }) => [template.node.path, key] as const));
  return [...ofGroup, ...ofTemplate]
    .filter(([, key]) => !isShowable(key))
    .map(
      ([path, key]) =>
        `${path}: the tag ${JSON.stringify(key)} keeps EC2 from launching machines whose tags are in their metadata: ` +
        "their keys have letters, digits and -_+=,.@: alone; rename it, or keep it from instances",
    );
};
