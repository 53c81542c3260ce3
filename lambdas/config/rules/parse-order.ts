import * as v from "valibot";
import { InputRefused } from "../../runtime/errors.ts";
import { onlyFields } from "../../runtime/only-fields.ts";
import { describeIssues } from "../../runtime/settings.ts";
import { isSha256, isSpeakable } from "../lines.ts";

const pool = v.pipe(
  v.string(),
  v.regex(
    /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/,
    "has to be at most 63 letters, digits, hyphens and underscores",
  ),
);
const bundle = v.pipe(
  v.string(),
  v.check(isSha256, "has to be the digest of a stored bundle, 64 hexadecimal digits"),
);
const by = v.pipe(
  v.string(),
  v.maxLength(200, "has to have at most 200 letters"),
  v.check(isSpeakable, "has to be one line, without spaces at its ends"),
);

const movingActions = ["publish", "promote", "rollback", "withdraw"] as const;
const actions = ["show", ...movingActions, "prune"] as const;

const fields = onlyFields({
  action: v.optional(v.picklist(actions, `has to be one of ${actions.join(", ")}`), "show"),
  pool: v.optional(pool),
  bundle: v.optional(bundle),
  by: v.optional(by),
});

/** What moves the channel of a pool. */
export interface MoveOrder {
  readonly action: (typeof movingActions)[number];
  readonly pool: string;
  /** Absent where it follows from the channel. */
  readonly bundle?: string | undefined;
  /** Whom the history is to name. */
  readonly by?: string | undefined;
}

/** What a person, or the schedule, has asked a run of `publish-bundle` for. */
export type ChannelOrder =
  | MoveOrder
  | { readonly action: "show"; readonly pool: string }
  | { readonly action: "prune" };

const right = [
  '{"pool": "workers"}, which shows and changes nothing',
  '{"action": "publish", "pool": "workers", "bundle": "<digest>"}',
  '{"action": "promote", "pool": "workers"} (the candidate, or the "bundle" that is named)',
  '{"action": "rollback", "pool": "workers"} (the one before, or the "bundle" that is named)',
  '{"action": "withdraw", "pool": "workers"}',
  '{"action": "prune"}',
].join("; ");

type Fields = v.InferOutput<typeof fields>;

/** What is missing for an action, or has no meaning with it. */
const misfits = ({ action, pool, bundle, by }: Fields): string[] => {
  const isMove = movingActions.some((each) => each === action);
  return [
    pool === undefined && action !== "prune" && `pool: ${action} needs one`,
    pool !== undefined && action === "prune" && "pool: prune looks at all pools",
    bundle === undefined && action === "publish" && "bundle: publish needs one",
    bundle !== undefined &&
      !["publish", "promote", "rollback"].includes(action) &&
      `bundle: ${action} takes none`,
    by !== undefined && !isMove && `by: ${action} moves nothing`,
  ].filter((each) => each !== false);
};

/**
 * @param input - of the execution; without an action it shows
 * @throws InputRefused with every fault of the input, and right ones
 */
export const parseOrder = (input: unknown): ChannelOrder => {
  const parsed = v.safeParse(fields, input);
  const faults = parsed.success ? misfits(parsed.output) : [describeIssues(parsed.issues)];
  if (parsed.success && faults.length === 0) return parsed.output as ChannelOrder;
  throw new InputRefused(
    `the input was not understood: ${faults.join("; ")}. Right are ${right}. With "by" the history names a person.`,
  );
};
