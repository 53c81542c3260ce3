import { AutoScalingClient, CompleteLifecycleActionCommand } from "@aws-sdk/client-auto-scaling";
import type { Hook } from "../emulators/auto-scaling/state.ts";
import { serveInProcess } from "../wire.ts";
import { account, region, type World } from "../world.ts";
import { foreignAccessKey } from "../world/sdk-environment.ts";

/** A group that is none of Drover's business, and its hook. */
export const foreignGroup = "somebody-elses-group";

const terminationHook = (name: string): Hook => ({
  name,
  transition: "autoscaling:EC2_INSTANCE_TERMINATING",
  heartbeatTimeout: 3600,
  defaultResult: "CONTINUE",
});

/** Somebody else's hook on our own groups: an instance waits for both. */
export const neighbourHook = terminationHook("ship-logs");

/** How long the neighbour takes to complete its hook, in milliseconds. */
const neighbourTakes = 20_000;

/**
 * Puts somebody else's things into a world: a group with a hook that nobody
 * completes, and one who completes a hook of their own on our groups.
 */
export const moveNeighboursIn = (world: World): void => {
  world.autoScaling.createGroup({
    name: foreignGroup,
    min: 1,
    max: 3,
    desired: 2,
    tags: { team: "somebody else" },
    hooks: [terminationHook("drover-ish/retire")],
  });
  const client = new AutoScalingClient({
    region,
    credentials: { accessKeyId: foreignAccessKey, secretAccessKey: "of no use anywhere" },
    requestHandler: serveInProcess(world.autoScaling.service, { clock: world.clock }),
  });
  world.bus.addRule({
    name: "the-neighbours-own",
    pattern: {
      account: [account],
      source: ["aws.autoscaling"],
      "detail-type": ["EC2 Instance-terminate Lifecycle Action"],
      detail: { LifecycleHookName: [neighbourHook.name] },
    },
    targets: [
      {
        id: "neighbour",
        deliver: async (event) => {
          const detail = event.detail as Readonly<Record<string, string>>;
          await world.clock.sleep(neighbourTakes);
          const completion = client.send(
            new CompleteLifecycleActionCommand({
              AutoScalingGroupName: detail["AutoScalingGroupName"],
              LifecycleHookName: detail["LifecycleHookName"],
              LifecycleActionToken: detail["LifecycleActionToken"],
              LifecycleActionResult: "CONTINUE",
            }),
          );
          // Events come twice, and the second is none the neighbour can do anything for.
          await completion.catch((error: unknown) => {
            if (!/No active Lifecycle Action/.test(String(error))) throw error;
          });
        },
      },
    ],
  });
};
