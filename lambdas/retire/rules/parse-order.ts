import * as v from "valibot";
import { InputRefused } from "../../runtime/errors.ts";
import { onlyFields } from "../../runtime/only-fields.ts";
import { describeIssues } from "../../runtime/settings.ts";
import { hook } from "../retirement.ts";

const instanceId = v.pipe(
  v.string("has to be text"),
  v.regex(/^i-[0-9a-f]{8,32}$/, "has to be the id of an EC2 instance, like i-0123456789abcdef0"),
);

/** What a person types into the console. */
const byHand = onlyFields({
  instanceId,
  capacity: v.optional(
    v.picklist(["replace", "shrink"], 'has to be "replace" or "shrink"'),
    "replace",
  ),
});

/** What intake starts an execution with. */
const byEvent = onlyFields({
  instanceId,
  pool: v.string(),
  group: v.string(),
  reason: v.string(),
  since: v.string(),
  destination: v.picklist(["terminated", "warm pool"]),
  hook,
});

export type ByHand = v.InferOutput<typeof byHand>;
export type ByEvent = v.InferOutput<typeof byEvent>;
export type Order =
  | { readonly kind: "by hand"; readonly order: ByHand }
  | { readonly kind: "by event"; readonly order: ByEvent };

const examples =
  'Right are {"instanceId": "i-0123456789abcdef0"} and {"instanceId": "i-0123456789abcdef0", "capacity": "shrink"}.';

/**
 * What an execution was asked to do.
 *
 * @throws InputRefused with every fault of the input, and a right one
 */
export const parseOrder = (input: unknown): Order => {
  if (v.is(byEvent, input)) return { kind: "by event", order: v.parse(byEvent, input) };
  const parsed = v.safeParse(byHand, input);
  if (parsed.success) return { kind: "by hand", order: parsed.output };
  throw new InputRefused(
    `the input was not understood: ${describeIssues(parsed.issues)}. ${examples}`,
  );
};
