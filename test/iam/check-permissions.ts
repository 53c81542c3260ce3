/** Holds the permissions that a full run of the tests used against those of the template. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { synthesizeReference } from "../../infra/reference-app.ts";
import { comparePermissions, grantedPermissions } from "./compare-permissions.ts";
import { excusedPermissions } from "./excused-permissions.ts";
import { journalVariable, type JournalRecord } from "./journal.ts";

const folder = process.env[journalVariable];
if (folder === undefined) throw new Error(`${journalVariable} names no folder: run all tests`);

const records = readdirSync(folder).map(
  (name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as JournalRecord,
);
const used = new Set(
  records.flatMap((record) => record.used.map(([task, action]) => `${task} ${action}`)),
);
const denied = records.flatMap((record) => record.denied.map((each) => each.join(" was denied: ")));
const granted = grantedPermissions(synthesizeReference({ bundles: true }).template);
const problems = [...denied, ...comparePermissions(granted, used, excusedPermissions)];
for (const problem of problems) process.stdout.write(`${problem}\n`);
process.exitCode = problems.length > 0 ? 1 : 0;
