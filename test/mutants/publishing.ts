import type { PublishOccurrence } from "../../rehearsal/publishing/scene.ts";
import type { Patch } from "./apply-mutant.ts";

/** One way in which publishing or pulling could be wrong, and the invariant that stands for it. */
export interface PublishingMutant {
  readonly name: string;
  /** What somebody gets who has it so. */
  readonly lesson: string;
  readonly patches: readonly Patch[];
  readonly caughtBy: string;
  readonly schedule?: readonly PublishOccurrence[];
}

const rules = "rehearsal/machines/rules.ts";

/** While the first machines boot. */
const whileTheyBoot = { at: 85_000, lasts: 60_000 } as const;

export const publishingMutants: readonly PublishingMutant[] = [
  {
    name: "a machine that believes any signature",
    lesson: "whoever may write to the bucket is root on the fleet",
    patches: [
      {
        file: rules,
        find: "publicKeys.some((key) => isSignedBy(key, text, signature));",
        replace: "publicKeys.length + text.length + signature.length > 0;",
      },
    ],
    caughtBy: "no-machine-runs-unsigned",
    schedule: [{ fault: "forged-channel", ...whileTheyBoot }],
  },
  {
    name: "a machine that does not look at what it has fetched",
    lesson: "the signature is right, and the archive is another",
    patches: [
      {
        file: rules,
        find: "return found === sha256 ? tar : refuse(",
        replace: "return tar ?? refuse(",
      },
    ],
    caughtBy: "no-machine-runs-unsigned",
    schedule: [{ fault: "damaged-archive", ...whileTheyBoot }],
  },
  {
    name: "a machine that tells Nomad what it does not run",
    lesson: "an outdated machine is never replaced",
    patches: [
      {
        file: "rehearsal/world/machines.ts",
        find: "[bundleMeta]: installation.bundle,",
        replace: '[bundleMeta]: "latest",',
      },
    ],
    caughtBy: "no-machine-runs-unsigned",
  },
  {
    name: "a machine that takes the newest there is",
    lesson: "publishing is a rollout by accident",
    patches: [
      {
        file: rules,
        find: "  return current ?? refuse(",
        replace: "  return candidate ?? current ?? refuse(",
      },
    ],
    caughtBy: "candidate-only-where-assigned",
  },
  {
    name: "a tag that names anything is followed",
    lesson: "a tag of its launch keeps a machine from ever following its channel",
    patches: [
      {
        file: rules,
        find: "if (tag === current || tag === candidate) return tag;",
        replace: "if (tag !== undefined) return tag;",
      },
    ],
    caughtBy: "candidate-only-where-assigned",
  },
  {
    name: "a channel that is moved to whatever is named",
    lesson: "a plain PutObject and a click in the console are root on the fleet",
    patches: [
      {
        file: "lambdas/config/check-stored.ts",
        find: "if (!(await desk.isSigned(text, signature.content)))",
        replace: "if (text.length + signature.content.length === 0)",
      },
    ],
    caughtBy: "channel-points-to-verified-bundle",
    schedule: [{ fault: "unsigned-archive", at: 70_000 }],
  },
  {
    name: "a channel that is moved before its bundle is stored",
    lesson: "a publisher that dies leaves a pool whose machines do not boot",
    patches: [
      {
        file: "lambdas/config/publish-bundle.ts",
        find: "  const { isNew } = await storeBundle(desk, built);",
        replace: `  await swapChannel(desk, order.pool, (channel) =>
    (order.promote ? promote : publish)(order.pool, channel, built.manifest.sha256, order.mover));
  const { isNew } = await storeBundle(desk, built);`,
      },
    ],
    caughtBy: "channel-points-to-verified-bundle",
    schedule: [{ fault: "publisher-dies", at: 0, call: 4, how: "dies after" }],
  },
  {
    name: "a channel that nobody signs",
    lesson: "machines refuse it, and a pool does not grow any more",
    patches: [
      {
        file: "lambdas/config/swap-channel.ts",
        find: "  const signed = signChannel(text, await desk.sign(text));",
        replace: '  const signed = signChannel(text, Buffer.from("signed"));',
      },
    ],
    caughtBy: "channel-points-to-verified-bundle",
  },
];
