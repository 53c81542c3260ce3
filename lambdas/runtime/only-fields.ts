import * as v from "valibot";

const isObject = (input: unknown): boolean =>
  typeof input === "object" && input !== null && !Array.isArray(input);

/**
 * An object with these fields and no others. Every field that does not belong
 * there is named, beside all that is wrong with the others: valibot's own strict
 * object names the first one only.
 */
export const onlyFields = <const Entries extends v.ObjectEntries>(
  entries: Entries,
): v.GenericSchema<
  v.InferInput<v.ObjectSchema<Entries, undefined>>,
  v.InferOutput<v.ObjectSchema<Entries, undefined>>
> =>
  v.pipe(
    v.custom<v.InferInput<v.ObjectSchema<Entries, undefined>>>(isObject, "has to be an object"),
    v.looseObject(entries),
    v.rawCheck(({ dataset, addIssue }) => {
      const input = dataset.value as Record<string, unknown>;
      for (const key of Object.keys(input)) {
        if (Object.hasOwn(entries, key)) continue;
        const item = { type: "object", origin: "key", input, key, value: input[key] } as const;
        addIssue({ message: "there is no such field", input: key, path: [item] });
      }
    }),
  ) as never;
