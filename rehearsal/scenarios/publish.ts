import { type Pace, virtualPace } from "../clock/pace.ts";
import type { Strike } from "../faults/apply.ts";
import type { Verdict } from "../invariants/evidence.ts";
import { judgeBundles } from "../invariants/bundle-invariants.ts";
import { applyPublishFaults, createWire } from "../publishing/apply.ts";
import { buildVariants, type VariantName } from "../publishing/build-variants.ts";
import {
  describeMachines,
  gatherBundleEvidence,
  type PublishedMachine,
} from "../publishing/gather.ts";
import { createOperator } from "../publishing/people.ts";
import type { PublishOccurrence } from "../publishing/scene.ts";
import {
  followChannel,
  launch,
  look,
  move,
  pool,
  publish,
  type Rehearsal,
} from "../publishing/steps.ts";
import { createWorld, type World } from "../world.ts";
import { createEmulatedPark } from "../world/emulated-park.ts";
import type { HandlerModule } from "../world/handlers.ts";
import { isolateSdk, warmSdk } from "../world/sdk-environment.ts";
import { emulatedEndpoints, synthesizeWorld } from "../world/template.ts";
import type { Progress } from "./narrator.ts";

export interface PublishOptions {
  readonly seed: number;
  readonly progress?: Progress | undefined;
  /** What goes wrong, from the beginning on. @default nothing */
  readonly schedule?: readonly PublishOccurrence[];
  /** Gives the module of a task. @default the handlers of this repository */
  readonly handlers?: (task: string) => HandlerModule;
  /** Is given the world before anything happens. */
  readonly onReady?: (world: World) => void;
}

/** What a rehearsal of publishing found. */
export interface PublishReport {
  readonly scenario: "publish";
  readonly seed: number;
  readonly pool: string;
  /** The digest of each bundle, by its name. */
  readonly bundles: Readonly<Record<VariantName, string>>;
  readonly virtualSeconds: number;
  readonly wallSeconds: number;
  readonly timeline: readonly { readonly seconds: number; readonly line: string }[];
  readonly channel: {
    readonly serial: number | null;
    readonly current: string | null;
    readonly candidate: string | null;
    readonly previous: string | null;
  };
  readonly machines: readonly PublishedMachine[];
  /** What went wrong, when something was to. */
  readonly faults?: readonly Strike[];
  /** Faults that were to strike and met nothing, when something was to go wrong. */
  readonly neverStruck?: readonly string[];
  readonly invariants: readonly Verdict[];
}

const wave = 3;
/** With the one that tries the candidate. */
const size = 3 * wave + 1;
/** Milliseconds from one thing that a person does to the next. */
const thinks = 30_000;

const canary = "one that tries the candidate";

const play = async (here: Rehearsal, pace: Pace): Promise<void> => {
  const { world, variants, faults } = here;
  const think = () => pace.await(world.clock.sleep(thinks));
  const digest = (name: VariantName) => variants[name].built.manifest.sha256;
  await think();
  await pace.await(publish(here, "ada", "first", { promote: true }));
  await think();
  const rival = faults.takeRival() && publish(here, "alan", "third", { most: 1 });
  await pace.await(Promise.all([publish(here, "grace", "second"), rival]));
  await think();
  await launch(here, pace, "while there is a candidate", wave);
  const candidate = (await pace.await(look(here)))?.candidate;
  await launch(here, pace, canary, 1, candidate ?? digest("second"));
  await think();
  await pace.await(move(here, "grace", "promote", candidate ?? digest("second")));
  await launch(here, pace, "after it was promoted", wave);
  await think();
  await pace.await(move(here, "ada", "rollback", digest("first")));
  await launch(here, pace, "after it was rolled back", wave);
  await think();
  await pace.await(followChannel(here, canary));
};

/**
 * Bundles of `examples/pool` are published, promoted and rolled back, and
 * machines boot in between: three while there is a candidate, one that is
 * assigned to try it, three after it was promoted, three after it was rolled back.
 */
export const rehearsePublish = async (options: PublishOptions): Promise<PublishReport> => {
  const putBack = isolateSdk();
  try {
    // Reading, building and synthesizing are real work: no virtual time passes meanwhile.
    const template = synthesizeWorld(emulatedEndpoints, {
      pool,
      size,
      drainDeadlineSeconds: 600,
      slots: 1,
      bundles: true,
    });
    const variants = await buildVariants(pool);
    await warmSdk();
    const began = performance.now();
    const pace = virtualPace(options.seed);
    try {
      const wallSeconds = () => Math.round((performance.now() - began) / 100) / 10;
      return await run(options, { template, variants }, pace, wallSeconds);
    } finally {
      pace.end();
    }
  } finally {
    putBack();
  }
};

const neverStruck = (
  schedule: readonly PublishOccurrence[],
  strikes: readonly Strike[],
): readonly string[] => {
  const struck = new Set(strikes.map(({ fault }) => fault));
  return [...new Set(schedule.map(({ fault }) => fault))].filter((fault) => !struck.has(fault));
};

const run = async (
  { seed, schedule, ...options }: PublishOptions,
  prepared: Pick<Rehearsal, "template" | "variants">,
  pace: Pace,
  wallSeconds: () => number,
): Promise<PublishReport> => {
  const { clock } = pace;
  const park = createEmulatedPark(emulatedEndpoints, { clock, seed });
  const wire = createWire(seed, (milliseconds) => clock.sleep(milliseconds));
  const world = createWorld({
    template: prepared.template,
    park,
    clock,
    seed,
    intercept: wire.intercept,
    ...(options.handlers && { handlers: options.handlers }),
  });
  try {
    const [group] = world.stack.groups;
    const [bucket] = world.stack.buckets;
    if (group === undefined || bucket === undefined)
      throw new Error("the template has no group, or no bucket of bundles");
    world.autoScaling.createGroup({ ...group, desired: 0 });
    options.onReady?.(world);

    const startedAt = clock.now();
    const seconds = () => Math.round((clock.now() - startedAt) / 100) / 10;
    const timeline: { seconds: number; line: string }[] = [];
    const say = (line: string): void => {
      timeline.push({ seconds: seconds(), line });
      options.progress?.(seconds(), line);
    };
    const foreign = new Set<string>();
    const somebody = createOperator(world, prepared.template, "somebody");
    const faults = applyPublishFaults(world, schedule ?? [], {
      pool,
      bucket: bucket.name,
      disturb: wire.disturb,
      order: somebody.order,
      intrude: (key, content) => {
        world.s3.put(bucket.name, key, content);
        foreign.add(world.s3.get(bucket.name, key)?.id ?? "");
      },
    });
    const here: Rehearsal = {
      ...prepared,
      world,
      park,
      group: group.name,
      say,
      faults,
      operator: createOperator(world, prepared.template, "grace"),
      waves: new Map(),
    };
    await play(here, pace);

    const evidence = gatherBundleEvidence(world, park, { pool, bucket: bucket.name, foreign });
    const channel = await pace.await(look(here));
    return {
      scenario: "publish",
      seed,
      pool,
      bundles: {
        first: prepared.variants.first.built.manifest.sha256,
        second: prepared.variants.second.built.manifest.sha256,
        third: prepared.variants.third.built.manifest.sha256,
      },
      virtualSeconds: seconds(),
      wallSeconds: wallSeconds(),
      timeline,
      channel: {
        serial: channel?.serial ?? null,
        current: channel?.current ?? null,
        candidate: channel?.candidate ?? null,
        previous: channel?.previous ?? null,
      },
      machines: describeMachines(evidence, world.machines.facts(), here.waves, channel?.current),
      ...(schedule && {
        faults: faults.strikes,
        neverStruck: neverStruck(schedule, faults.strikes),
      }),
      invariants: judgeBundles(evidence),
    };
  } finally {
    world.close();
    await park.close();
  }
};
