import { after, before, describe, it } from "node:test";
import { deploymentCases } from "./nomad-deployments.ts";
import { drainCases } from "./nomad-drains.ts";
import { lifeCases } from "./nomad-lives.ts";
import { readCases, type Case } from "./nomad-reads.ts";
import { outageCases } from "./nomad-outages.ts";
import { silenceCases } from "./nomad-silences.ts";
import type { OpenedTarget } from "./nomad-target.ts";

const groups: Record<string, Record<string, Case>> = {
  // The longest first, so that no lane ends long after the others.
  silences: silenceCases,
  lives: lifeCases,
  deployments: deploymentCases,
  drains: drainCases,
  reads: readCases,
};

/** What all its cases are called. */
export const nomadTitles: readonly string[] = [...Object.values(groups), outageCases].flatMap(
  (cases) => Object.keys(cases),
);

/**
 * What Drover believes of Nomad. The same cases run against the emulator, in
 * virtual time, and against real agents.
 *
 * @param atOnce - how many cases run at the same time
 */
export const nomadContract = (
  name: string,
  open: () => Promise<OpenedTarget>,
  atOnce = 1,
): void => {
  void describe(name, { concurrency: atOnce }, () => {
    let opened: OpenedTarget;
    before(async () => {
      opened = await open();
    });
    after(() => opened.close());

    void describe("outages", () => {
      for (const [title, body] of Object.entries(outageCases)) {
        void it(title, () => opened.runApart(body));
      }
    });
    for (const [group, cases] of Object.entries(groups)) {
      void describe(group, { concurrency: atOnce }, () => {
        for (const [index, [title, body]] of Object.entries(cases).entries()) {
          void it(title, () => opened.run((target) => body(target, `${group}-${index}`)));
        }
      });
    }
  });
};
