import { synthesizeReference } from "../../infra/reference-app.ts";
import type { AutoScalingEmulator } from "../../rehearsal/emulators/auto-scaling/auto-scaling.ts";
import { type Authorise, viewGroups } from "../../rehearsal/world/authorisation.ts";
import { readStack, secretsOf } from "../../rehearsal/world/stack.ts";
import { account, region } from "../../rehearsal/world.ts";
import { createAuthority } from "./authority.ts";
import { processJournal } from "./journal.ts";

export interface BenchAccount {
  /** Name of the table that stands for the template's. */
  readonly table: string;
  /** ARNs of secrets by the variables that name them. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly autoScaling: Pick<AutoScalingEmulator, "group" | "instance">;
}

// Before any virtual time begins: it takes a second, once for a process.
const { template } = synthesizeReference();
const place = { region, account, stackName: "Drover" };

const secretArn = (logicalId: string): string =>
  `arn:aws:secretsmanager:${region}:${account}:secret:${logicalId}-abcdef`;

const secretIds = [...secretsOf(template)];
const refs = Object.fromEntries(secretIds.map(([id]) => [id, secretArn(id)]));
const stack = readStack(template, { ...place, refs });

/**
 * Authorises the calls of a handler that is tested by itself against its
 * function's policy in the reference template. The bench has a table and
 * secrets of its own, which stand for those of the template.
 */
export const authoriseBench = ({ table, secrets, autoScaling }: BenchAccount): Authorise => {
  const [records] = stack.tables;
  if (records === undefined) throw new Error("the reference template has no table");
  const tableArn = (name: string) => `arn:aws:dynamodb:${region}:${account}:table/${name}`;
  const aliases = Object.fromEntries([
    [tableArn(table), tableArn(records.name)],
    // A secret that the function may read, and that somebody has deleted.
    [
      `arn:aws:secretsmanager:${region}:${account}:secret:none-000000`,
      secretArn(secretIds[0]?.[0] ?? ""),
    ],
    ...secretIds.flatMap(([id, variables]) =>
      [...variables].map((variable) => [secrets[variable], secretArn(id)]),
    ),
  ]) as Record<string, string>;
  return createAuthority({ journal: processJournal, aliases })({
    template,
    stack,
    region,
    account,
    refs,
    ...viewGroups(autoScaling),
  });
};
