import { GetParametersCommand, SSMClient } from "@aws-sdk/client-ssm";
import * as v from "valibot";
import { SettingsRefused } from "../runtime/errors.ts";
import { type PoolSettings, poolSettings, rightSettings } from "../runtime/pool-settings.ts";
import { describeIssues, type RecordSettings } from "../runtime/settings.ts";
import type { Surroundings } from "../runtime/surroundings.ts";
import { awsClientOptions } from "./aws.ts";

/** How long the stop parameter is kept: the answer to a person's hand must come soon. */
const keepMilliseconds = 30_000;

/** What people set: the settings of the pools, and the one stop for all of Drover. */
export interface Switches {
  /** Whether the stop parameter says anything but `go`. */
  isStopped(): Promise<boolean>;
  /**
   * The settings of a pool and the stop parameter, in one call.
   *
   * @throws SettingsRefused with everything that is wrong with them
   */
  read(pool: string): Promise<{ settings: PoolSettings; stopped: boolean }>;
  /** The same for who may wait until they are mended: what is right of them, and what is `wrong`. */
  readRight(pool: string): Promise<{ settings: PoolSettings; stopped: boolean; wrong?: string }>;
}

const parsePool = (name: string, text: string): { settings: PoolSettings; wrong?: string } => {
  const isWrong = (why: string) => `the parameter ${name} is not right, correct it: ${why}`;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { settings: rightSettings({}), wrong: isWrong("it is no JSON") };
  }
  const parsed = v.safeParse(poolSettings, json);
  return parsed.success
    ? { settings: parsed.output }
    : { settings: rightSettings(json), wrong: isWrong(describeIssues(parsed.issues)) };
};

export const parameterSwitches = (
  surroundings: Surroundings,
  settings: RecordSettings,
): Switches => {
  const client = new SSMClient(awsClientOptions(surroundings));
  const { clock } = surroundings;
  const stopParameter = settings.DROVER_STOP_PARAMETER;
  let known: { stopped: boolean; until: number } | undefined;

  const getParameters = async (names: string[]) => {
    const { Parameters } = await client.send(new GetParametersCommand({ Names: names }));
    return new Map((Parameters ?? []).map((found) => [found.Name, found.Value ?? ""]));
  };
  /** Anything but `go` stops: a parameter that is misspelt or gone must let nobody begin. */
  const parseStop = (values: ReadonlyMap<string | undefined, string>): boolean => {
    const stopped = values.get(stopParameter)?.trim() !== "go";
    known = { stopped, until: clock.now() + keepMilliseconds };
    return stopped;
  };

  const readRight: Switches["readRight"] = async (pool) => {
    const name = `${settings.DROVER_POOL_PARAMETERS}${pool}`;
    const values = await getParameters([stopParameter, name]);
    // A group that joined by its tag alone has no parameter: the defaults are its settings.
    return { ...parsePool(name, values.get(name) ?? "{}"), stopped: parseStop(values) };
  };

  return {
    async isStopped() {
      if (known && known.until > clock.now()) return known.stopped;
      return parseStop(await getParameters([stopParameter]));
    },
    async read(pool) {
      const { wrong, ...right } = await readRight(pool);
      if (wrong !== undefined) throw new SettingsRefused(wrong);
      return right;
    },
    readRight,
  };
};
