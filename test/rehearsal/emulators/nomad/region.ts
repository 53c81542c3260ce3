import {
  createNomad,
  type NomadOptions,
} from "../../../../rehearsal/emulators/nomad/create-nomad.ts";
import { seeded } from "../../../../rehearsal/random.ts";
import { createVirtualClock } from "../virtual-clock.ts";

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

/** An emulated region with one server on a clock of its own. */
export const startRegion = (options: Partial<NomadOptions> & { seed?: number } = {}) => {
  const clock = createVirtualClock();
  const nomad = createNomad({ clock, random: seeded(options.seed ?? 1), ...options });
  nomad.addServer({ name: "server-1", address: "10.0.0.1" });
  let serial = 0;

  const send = async (
    method: string,
    path: string,
    init: { body?: unknown; signal?: AbortSignal; service?: typeof nomad.service } = {},
  ): Promise<Answer> => {
    const request = new Request(`http://nomad.internal:4646${path}`, {
      method,
      ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
      ...(init.signal ? { signal: init.signal } : {}),
    });
    const response = await (init.service ?? nomad.service)(request);
    return { status: response.status, text: await response.text(), headers: response.headers };
  };

  return {
    clock,
    nomad,
    /** Sends without letting time pass. */
    send,
    call: (method: string, path: string, body?: unknown) =>
      clock.until(send(method, path, body === undefined ? {} : { body })),

    /** Adds nodes and waits until they are ready. */
    async addNodes(count: number, spec: { pool?: string; capacity?: number } = {}) {
      const nodes = Array.from({ length: count }, () => {
        serial += 1;
        const instanceId = `i-${serial}`;
        return nomad.addNode({ instanceId, address: `10.0.1.${serial}`, ...spec });
      });
      await clock.when(() => nodes.every((id) => nomad.truth.node(id)?.Status === "ready"));
      return nodes;
    },

    running: (job: string) =>
      nomad.truth
        .allocationsOf(job)
        .filter((alloc) => alloc.ClientStatus === "running" && alloc.DesiredStatus === "run"),
  };
};

export type Region = ReturnType<typeof startRegion>;

export const drainBody = (seconds: number, ignoreSystemJobs = false) => ({
  DrainSpec: { Deadline: seconds * 1e9, IgnoreSystemJobs: ignoreSystemJobs },
});
