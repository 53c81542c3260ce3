import * as v from "valibot";
import { InputRefused } from "../../runtime/errors.ts";
import { onlyFields } from "../../runtime/only-fields.ts";
import { describeIssues } from "../../runtime/settings.ts";

const request = onlyFields({
  mode: v.optional(v.picklist(["report", "repair"], 'has to be "report" or "repair"'), "report"),
});

export type Mode = v.InferOutput<typeof request>["mode"];

/**
 * What a person, or a rule, has asked a run of `reconcile` for.
 *
 * @throws InputRefused with every fault of the input, and a right one
 */
export const parseRequest = (input: unknown): Mode => {
  const parsed = v.safeParse(request, input);
  if (parsed.success) return parsed.output.mode;
  throw new InputRefused(
    `the input was not understood: ${describeIssues(parsed.issues)}. Right are {}, which reports and changes nothing, and {"mode": "repair"}.`,
  );
};
