import type { World } from "../world.ts";

/** The version that a deploy has made last, by the world. */
const newest = new WeakMap<World, number>();

const qualifier = /^(arn:aws:lambda:[^:]+:\d+:function:[^:]+):\d+$/;

/**
 * Deploys the same code as new versions of all functions. State machines call
 * the new ones from their next execution on; one that runs keeps its definition,
 * and with it the old ones. What is not a version (`$LATEST`, which rules call)
 * loses the containers that nobody works in.
 *
 * @returns the number of the new versions
 */
export const deployVersions = (world: World): number => {
  const version = (newest.get(world) ?? 1) + 1;
  newest.set(world, version);
  const { containers, engine, stack } = world;
  for (const spec of stack.functions) {
    const base = qualifier.exec(spec.arn)?.[1];
    if (base === undefined)
      containers.kill((container) => !container.busy && container.spec.arn === spec.arn);
    else containers.define({ ...spec, arn: `${base}:${version}` });
  }
  for (const { arn, definition } of stack.stateMachines)
    engine.define(
      arn,
      definition.replaceAll(
        /(arn:aws:lambda:[^:"]+:\d+:function:[^:"]+):\d+(?=")/g,
        (_, base: string) => `${base}:${version}`,
      ),
    );
  return version;
};
