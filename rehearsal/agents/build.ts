/** Builds the agents ahead of time: `node rehearsal/agents/build.ts`. */
import { AgentBinaryError, findOrBuildAgents } from "./binaries.ts";

try {
  const { nomad, consul } = await findOrBuildAgents((line) => process.stderr.write(`${line}\n`));
  process.stdout.write(`${nomad}\n${consul}\n`);
} catch (error) {
  if (!(error instanceof AgentBinaryError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
