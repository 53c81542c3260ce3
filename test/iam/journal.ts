import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { threadId } from "node:worker_threads";
import type { Journal } from "./authority.ts";

/** What a process leaves for the check of a whole run. */
export interface JournalRecord {
  readonly used: readonly (readonly [task: string, action: string])[];
  readonly denied: readonly (readonly [task: string, message: string])[];
}

/** Names the folder into which the processes of one run write; set by a full run alone. */
export const journalVariable = "DROVER_PERMISSIONS_USED";

const used = new Map<string, readonly [string, string]>();
const denied = new Map<string, readonly [string, string]>();
let waits = false;

/**
 * What was denied counts, even when the product swallowed it or tried again:
 * so the process itself fails at its end.
 */
const report = (): void => {
  const record: JournalRecord = { used: [...used.values()], denied: [...denied.values()] };
  const folder = process.env[journalVariable];
  if (folder !== undefined) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${process.pid}-${threadId}.json`), JSON.stringify(record));
  }
  if (denied.size === 0) return;
  for (const [task, message] of denied.values())
    process.stderr.write(`${task} was denied a call of AWS: ${message}\n`);
  process.exitCode = 1;
};

const enter = (into: Map<string, readonly [string, string]>, task: string, what: string): void => {
  const key = `${task} ${what}`;
  if (into.has(key)) return;
  into.set(key, [task, what]);
  if (waits) return;
  waits = true;
  process.once("exit", report);
};

/** The journal of this process. */
export const processJournal: Journal = {
  used: (task, action) => enter(used, task, action),
  denied: (task, message) => enter(denied, task, message),
};
