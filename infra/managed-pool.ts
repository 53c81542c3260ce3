import { Annotations, Token } from "aws-cdk-lib";
import {
  CfnAutoScalingGroup,
  CfnLifecycleHook,
  type IAutoScalingGroup,
} from "aws-cdk-lib/aws-autoscaling";
import { StringParameter } from "aws-cdk-lib/aws-ssm";
import { Construct, DependencyGroup, type IDependable } from "constructs";
import { clusterTag, poolTag, retireHookName } from "../lambdas/retire/hook-names.ts";
import { tagCommand } from "../lambdas/watch/rules/commands.ts";
import type { CheckedPool } from "./check-pool.ts";
import { deleteBefore } from "./deletion-order.ts";
import { poolParameterPrefix } from "./names.ts";

export interface ManagedPoolProps extends CheckedPool {
  readonly cluster: string;
  readonly pool: string;
  readonly group: IAutoScalingGroup;
  /** What answers the hook: it has to be there as long as the group. */
  readonly needed: IDependable;
}

/** The warning that an imported group has to be tagged. */
const importedGroupTags = "drover:importedGroupTags";

/** The resource of a group that this app makes; undefined when it is imported. */
export const ownedGroup = (group: IAutoScalingGroup): CfnAutoScalingGroup | undefined =>
  group.node
    .findAll()
    .find((child): child is CfnAutoScalingGroup =>
      CfnAutoScalingGroup.isCfnAutoScalingGroup(child),
    );

/**
 * What makes a group a pool: the hook that holds its terminating instances, the
 * tags by which Drover may act on it, and the pool's settings.
 */
export class ManagedPool extends Construct {
  constructor(scope: Construct, id: string, props: ManagedPoolProps) {
    super(scope, id);
    const { cluster, pool, settings } = props;
    new StringParameter(this, "Settings", {
      // As the name begins with a slash.
      simpleName: false,
      parameterName: `${poolParameterPrefix(cluster)}${pool}`,
      description: `Settings of the pool ${pool} of the Drover cluster ${cluster}; spans in seconds`,
      stringValue: JSON.stringify(settings),
    });
    const owned = ownedGroup(props.group);
    if (owned) this.equip(owned, props);
    else this.hookOf(props);
  }

  /**
   * The hook goes into the group itself: one in a resource of its own would
   * come after the first instances, and be gone before the last.
   */
  private equip(group: CfnAutoScalingGroup, props: ManagedPoolProps): void {
    const { cluster, pool, settings } = props;
    const hooks = group.lifecycleHookSpecificationList ?? [];
    group.lifecycleHookSpecificationList = [
      ...(Array.isArray(hooks) ? hooks : [hooks]),
      {
        lifecycleHookName: retireHookName(cluster),
        ...retireHook(props),
      },
    ];
    group.tags.setTag(clusterTag, cluster, undefined, false);
    group.tags.setTag(poolTag, pool, undefined, false);
    group.instanceMaintenancePolicy ??= { minHealthyPercentage: 100, maxHealthyPercentage: 110 };
    if (settings.onDrainFailure === "retain") {
      group.instanceLifecyclePolicy = { retentionTriggers: { terminateHookAbandon: "retain" } };
    }
    deleteBefore(group, this, new DependencyGroup(props.needed, this));
  }

  /** Whether the group has its tags nobody can know here, so a person is asked to see to it. */
  private hookOf(props: ManagedPoolProps): void {
    const { autoScalingGroupName: name } = props.group;
    const shown = Token.isUnresolved(name) ? "GROUP" : name;
    Annotations.of(props.group).addWarningV2(
      importedGroupTags,
      `CloudFormation cannot tag a group of others. ${props.group.node.path} needs its tags before its hook, ` +
        "or its instances end undrained: " +
        `${tagCommand(props.cluster, shown, props.pool)} — ` +
        `when it has them, say so: Annotations.of(group).acknowledgeWarning("${importedGroupTags}")`,
    );
    const hook = new CfnLifecycleHook(this, "Hook", {
      autoScalingGroupName: props.group.autoScalingGroupName,
      lifecycleHookName: retireHookName(props.cluster),
      ...retireHook(props),
    });
    hook.node.addDependency(props.needed);
  }
}

/** Explicitly CONTINUE: Auto Scaling's own default is ABANDON. */
const retireHook = ({ heartbeatSeconds }: ManagedPoolProps) => ({
  lifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING",
  defaultResult: "CONTINUE",
  heartbeatTimeout: heartbeatSeconds,
});
