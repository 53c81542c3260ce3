import { after, before, describe, it } from "node:test";
import { drainCases } from "./nomad-drains.ts";
import { lifeCases } from "./nomad-lives.ts";
import { readCases, type Case } from "./nomad-reads.ts";
import type { OpenedTarget } from "./nomad-target.ts";

const groups: Record<string, Record<string, Case>> = {
  reads: readCases,
  drains: drainCases,
  lives: lifeCases,
};

/**
 * What Drover believes of Nomad. The same cases run against the emulator, in
 * virtual time, and against real agents.
 */
export const nomadContract = (name: string, open: () => Promise<OpenedTarget>): void => {
  void describe(name, () => {
    let opened: OpenedTarget;
    before(async () => {
      opened = await open();
    });
    after(() => opened.close());

    for (const [group, cases] of Object.entries(groups)) {
      void describe(group, () => {
        for (const [index, [title, body]] of Object.entries(cases).entries()) {
          void it(title, () => opened.run(() => body(opened.target, `${group}-${index}`)));
        }
      });
    }
  });
};
