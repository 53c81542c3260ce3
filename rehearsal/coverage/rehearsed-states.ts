import { readStack, secretsOf } from "../world/stack.ts";
import { emulatedEndpoints, synthesizeWorld } from "../world/template.ts";
import { readStates, type StateTraits } from "./read-states.ts";

/** The states that a rehearsal takes executions through: those of retirements. */
export const rehearsedStates = (): StateTraits[] => {
  const template = synthesizeWorld(emulatedEndpoints, {
    pool: "workers",
    size: 1,
    drainDeadlineSeconds: 600,
    slots: 1,
  });
  const place = { region: "eu-west-1", account: "123456789012", stackName: "Drover" };
  // Nobody reads the secrets here: any name will do.
  const refs = Object.fromEntries([...secretsOf(template).keys()].map((id) => [id, id]));
  return readStates(readStack(template, { ...place, refs })).filter(({ machine }) =>
    machine.endsWith("retire-node"),
  );
};
