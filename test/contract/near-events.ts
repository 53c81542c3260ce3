import * as fc from "fast-check";

import type { EventPattern } from "../../rehearsal/emulators/event-bridge/patterns.ts";

type Fields = { [name: string]: unknown };

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const some = fc.string({ unit: fc.constantFrom("a", "B", "-", "/", "7"), maxLength: 4 });

/** Values that satisfy one element of a leaf. */
const valueFor = (element: unknown): fc.Arbitrary<unknown> => {
  if (!isFields(element)) return fc.constant(element);
  const [operator, operand] = Object.entries(element)[0] ?? [];
  if (operator === "prefix") return some.map((rest) => `${String(operand)}${rest}`);
  if (operator === "suffix") return some.map((rest) => `${rest}${String(operand)}`);
  if (operator === "equals-ignore-case")
    return fc.constantFrom(String(operand).toUpperCase(), String(operand).toLowerCase());
  if (operator === "exists") return operand === true ? some : fc.constant(undefined);
  if (operator === "anything-but" && !isFields(operand)) return some.map((text) => `other-${text}`);
  throw new Error(
    `no values are known for ${JSON.stringify(element)}: teach this test the operator`,
  );
};

/** Events that satisfy a pattern, or nearly. */
const eventFor = (pattern: EventPattern): fc.Arbitrary<Fields> =>
  fc
    .tuple(
      ...Object.entries(pattern).map(([name, inner]) =>
        (Array.isArray(inner)
          ? fc.oneof(...inner.map(valueFor))
          : eventFor(inner as EventPattern)
        ).map((value) => [name, value] as const),
      ),
    )
    .map((entries) => Object.fromEntries(entries.filter(([, value]) => value !== undefined)));

/** Where a pattern looks: every field on the way to a leaf, too. */
const placesOf = (pattern: EventPattern, above: readonly string[] = []): (readonly string[])[] =>
  Object.entries(pattern).flatMap(([name, inner]) => {
    const here = [...above, name];
    return [here, ...(Array.isArray(inner) ? [] : placesOf(inner as EventPattern, here))];
  });

/** What may become of a value, so that it is nearly the same. */
const changes: readonly ((value: unknown) => unknown)[] = [
  () => undefined,
  () => null,
  () => 7,
  () => true,
  () => "",
  () => [],
  () => ({}),
  (value) => [value],
  (value) => ["something else", value],
  (value) => [[value], null],
  (value) => ({ inner: value }),
  (value) => [{ inner: value }],
  (value) => (typeof value === "string" ? value.toUpperCase() : value),
  (value) => (typeof value === "string" ? value.toLowerCase() : value),
  (value) => (typeof value === "string" ? value.slice(0, -1) : value),
  (value) => (typeof value === "string" ? value.slice(1) : value),
  (value) => (typeof value === "string" ? ` ${value}` : value),
  (value) => (typeof value === "string" ? `${value}x` : value),
  (value) => (typeof value === "string" ? value.replace(/[-/.]/, "_") : value),
  (value) => (isFields(value) ? { ...value, more: [1, { deep: "x" }] } : value),
  (value) => (isFields(value) ? [value, {}] : value),
];

const changeAt = (
  event: unknown,
  [name, ...rest]: readonly string[],
  change: (value: unknown) => unknown,
): unknown => {
  if (name === undefined || !isFields(event)) return event;
  const { [name]: old, ...others } = event;
  const changed = rest.length === 0 ? change(old) : changeAt(old, rest, change);
  return changed === undefined ? others : { ...others, [name]: changed };
};

/** What every event has, beside what it is about. */
const envelope: fc.Arbitrary<Fields> = fc.record(
  {
    version: fc.constant("0"),
    id: fc.uuid(),
    account: fc.constant("123456789012"),
    time: fc.constant("2026-03-01T12:00:00Z"),
    region: fc.constant("eu-west-1"),
    resources: fc.array(some, { maxLength: 2 }),
    source: some,
    "detail-type": some,
    detail: fc.constant({ AutoScalingGroupName: "workers", Origin: "AutoScalingGroup" }),
  },
  { requiredKeys: ["version", "id", "account", "time", "region", "resources"] },
);

/**
 * Events that a pattern is about: some that fit, and some with one thing or two
 * that is missing, different, of another type or too much.
 */
export const nearEvents = (pattern: EventPattern): fc.Arbitrary<unknown> =>
  fc
    .record({
      around: envelope,
      event: eventFor(pattern),
      changes: fc.array(
        fc.record({
          place: fc.constantFrom(...placesOf(pattern)),
          change: fc.constantFrom(...changes),
        }),
        { maxLength: 2 },
      ),
    })
    .map(({ around, event, changes: wanted }) =>
      wanted.reduce<unknown>((so, { place, change }) => changeAt(so, place, change), {
        ...around,
        ...event,
      }),
    );
