import { clusterTag, poolTag, retireHookName } from "../../retire/hook-names.ts";

/** The shortest heartbeat with which a hook lives for 48 hours, as long as Auto Scaling lets any: 100 heartbeats. */
export const longestLivedHeartbeatSeconds = 1728;

/** A word of a command, as a shell takes it. */
const word = (text: string): string =>
  /^[\w./:=,@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

/** The command that gives a group the hook as it has to be, or corrects it. */
export const putHookCommand = (cluster: string, group: string): string =>
  [
    "aws autoscaling put-lifecycle-hook",
    `--auto-scaling-group-name ${word(group)}`,
    `--lifecycle-hook-name ${retireHookName(cluster)}`,
    "--lifecycle-transition autoscaling:EC2_INSTANCE_TERMINATING",
    "--default-result CONTINUE",
    `--heartbeat-timeout ${longestLivedHeartbeatSeconds}`,
  ].join(" ");

/** The command that makes a group a pool, as far as its tags go. */
export const tagCommand = (cluster: string, group: string, pool: string): string => {
  const tag = (key: string, value: string) =>
    word(
      `ResourceId=${group},ResourceType=auto-scaling-group,Key=${key},Value=${value},PropagateAtLaunch=false`,
    );
  return `aws autoscaling create-or-update-tags --tags ${tag(clusterTag, cluster)} ${tag(poolTag, pool)}`;
};

/** The command that lets a group end instances again. */
export const resumeCommand = (group: string): string =>
  `aws autoscaling resume-processes --auto-scaling-group-name ${word(group)} --scaling-processes Terminate`;
