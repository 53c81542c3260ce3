import assert from "node:assert/strict";
import { run } from "../../cli/run.ts";
// Loaded beforehand: reading a module is no part of virtual time.
import "../../cli/doctor-executions.ts";
import {
  type ReferenceOptions,
  type ReferencePool,
  synthesizeReference,
} from "../../infra/reference-app.ts";
import { retireHookName } from "../../lambdas/retire/hook-names.ts";
import type { Finding } from "../../lambdas/watch/findings.ts";
import { type Pace, virtualPace } from "../../rehearsal/clock/pace.ts";
import type { GroupOptions } from "../../rehearsal/emulators/auto-scaling/auto-scaling.ts";
import type { Template } from "../../rehearsal/engine/intrinsics.ts";
import { serveInProcess } from "../../rehearsal/wire.ts";
import {
  createEmulatedPark,
  type EmulatedPark,
  type EmulatedParkOptions,
} from "../../rehearsal/world/emulated-park.ts";
import { isolateSdk, warmSdk } from "../../rehearsal/world/sdk-environment.ts";
import { emulatedEndpoints } from "../../rehearsal/world/template.ts";
import { createWorld, region, type World } from "../../rehearsal/world.ts";

export interface DoctorWorldOptions {
  readonly pools?: readonly ReferencePool[];
  readonly reference?: ReferenceOptions;
  readonly park?: Partial<EmulatedParkOptions>;
  /** Changes the park before it is used. */
  readonly alter?: (park: EmulatedPark, pace: Pace) => EmulatedPark;
  /** Changes each group before it is made; undefined leaves it out. */
  readonly group?: (group: GroupOptions) => GroupOptions | undefined;
  /** Of each group. @default 2 */
  readonly size?: number;
}

export interface Answer {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** The command line's own code in an account in which Drover is deployed. */
export interface DoctorWorld {
  readonly world: World;
  readonly park: EmulatedPark;
  readonly pace: Pace;
  readonly drover: (...args: string[]) => Promise<Answer>;
  /** The findings of one run, worst first. */
  readonly examine: () => Promise<Finding[]>;
  readonly end: () => void;
}

const templates = new Map<string, Template>();

/** Synthesizing takes longer than all the rest. */
const templateOf = (options: ReferenceOptions): Template => {
  const key = JSON.stringify(options);
  const made = templates.get(key) ?? synthesizeReference(options).template;
  templates.set(key, made);
  return made;
};

const hookOf = (group: GroupOptions) =>
  group.hooks?.find(({ name }) => name === retireHookName("default"));

export const raiseDoctorWorld = async (options: DoctorWorldOptions = {}): Promise<DoctorWorld> => {
  const { pools = [{ pool: "workers", maxCapacity: 10 }], size = 2 } = options;
  const template = templateOf({ ...emulatedEndpoints, pools, ...options.reference });
  const putBack = isolateSdk();
  await warmSdk();
  const pace = virtualPace(1);
  const { clock } = pace;
  const made = createEmulatedPark(emulatedEndpoints, { clock, seed: 1, ...options.park });
  const park = options.alter?.(made, pace) ?? made;
  const world = createWorld({ template, park, clock, seed: 1 });
  const end = () => {
    world.close();
    pace.end();
    putBack();
  };
  try {
    let expected = 0;
    for (const group of world.stack.groups) {
      assert.ok(hookOf(group), group.name);
      const changed = { ...group, desired: size };
      const given = options.group ? options.group(changed) : changed;
      if (given) expected += world.autoScaling.createGroup(given).desired;
    }
    const members = () => world.autoScaling.instances();
    const isUp = () =>
      members().length === expected && members().every(({ state }) => state === "InService");
    assert.ok(await pace.until(isUp, 600_000), "the instances did not start");
    await pace.await(park.ready(members().map(({ id }) => id)));
  } catch (error) {
    end();
    throw error;
  }
  const awsHandler = serveInProcess(world.stepFunctions.service, { clock });
  const drover = async (...args: string[]): Promise<Answer> => {
    let out = "";
    let error = "";
    const code = await pace.await(
      run(
        args,
        { out: (text) => (out += text), error: (text) => (error += text) },
        { clock, awsHandler },
      ),
    );
    return { code, out, error };
  };
  return {
    world,
    park,
    pace,
    drover,
    end,
    examine: async () => {
      const { out, error } = await drover("doctor", "--region", region, "--json");
      assert.equal(error, "");
      return (JSON.parse(out) as { findings: Finding[] }).findings;
    },
  };
};
