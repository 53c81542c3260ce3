import * as v from "valibot";
import { ec2Client } from "../clients/ec2.ts";
import { dynamoRecords, type Ownership } from "../clients/records.ts";
import { parameterSwitches } from "../clients/switches.ts";
import { SettingsRefused } from "../runtime/errors.ts";
import { parseSettings } from "../runtime/settings.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { task, wired } from "../runtime/task.ts";
import { notRun } from "./findings.ts";
import { inTurns } from "./in-turns.ts";
import {
  lookAtAws,
  lookAtCluster,
  type LookAtCluster,
  type Plan,
  type UnknownPart,
} from "./reconciliation.ts";
import { findInQuestion, findRemembered, planRepairs } from "./rules/plan-repairs.ts";

const input = v.object({ aws: lookAtAws, cluster: v.union([lookAtCluster, notRun]) });

const unseen: LookAtCluster = { down: [], marks: [], unknown: [] };

/** Lays what Nomad and Consul remember beside what EC2 and our records say. Only reads. */
export const createHandler = (surroundings: Surroundings) => {
  const settings = parseSettings("records", surroundings.env);
  const records = dynamoRecords(surroundings, settings.DROVER_TABLE);
  const ec2 = ec2Client(surroundings);

  return task(surroundings, input, async ({ aws, cluster }, { log }): Promise<Plan> => {
    const unknown: UnknownPart[] = [];
    const tell = (part: string, error: unknown) => {
      const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      log.warn(`${part} did not answer`, { why });
      unknown.push({ part, why });
    };
    const seen = "Error" in cluster ? unseen : cluster;
    if ("Error" in cluster) {
      unknown.push({ part: "Nomad and Consul", why: `${cluster.Error}: ${cluster.Cause}` });
    } else unknown.push(...cluster.unknown);

    const nothing: Plan = {
      next: "report",
      forget: [],
      giveBack: [],
      settle: [],
      capped: 0,
      findings: [],
      unknown,
    };
    try {
      const ids = [...new Set(seen.down.map(({ instanceId }) => instanceId))];
      const found = await inTurns(ids, (id) => records.read(id));
      const known = found.filter((record): record is Ownership => record !== undefined);
      const looks = {
        marks: aws.marks,
        cluster: seen,
        recordOf: new Map(known.map((record) => [record.instanceId, record])),
      };
      const remembered = findRemembered(looks);
      const pools = new Set([...remembered, ...aws.marks].map(({ pool }) => pool));
      if (pools.size === 0) return nothing;

      // A new one for each run: what a person has just set is what counts.
      const switches = parameterSwitches(surroundings, settings);
      const read = await inTurns([...pools], async (pool) => ({
        pool,
        ...(await switches.readRight(pool)),
      }));
      for (const { pool, wrong } of read) {
        if (wrong !== undefined) tell(`the settings of ${pool}`, new SettingsRefused(wrong));
      }
      const words = await ec2.wordsOn(findInQuestion(looks)).catch((error: unknown) => {
        tell("EC2", error);
        return new Map<string, string>();
      });
      const plan = planRepairs(looks, {
        words,
        stopped: read.some(({ stopped }) => stopped),
        observed: new Set(
          // Settings that are not right may say so in what is wrong with them.
          read.flatMap(({ pool, settings, wrong }) =>
            settings.observeOnly || wrong !== undefined ? [pool] : [],
          ),
        ),
      });
      const isToRepair = aws.mode === "repair" && plan.next === "repair";
      return { ...plan, next: isToRepair ? "repair" : "report", unknown };
    } catch (error) {
      tell("records or parameters", error);
      return nothing;
    }
  });
};

export const handler = wired(createHandler);
