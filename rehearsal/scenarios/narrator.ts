import type { Run, RunEvent } from "../engine/engine.ts";

/** Takes a line of what happens, with the seconds since the beginning. */
export type Progress = (seconds: number, line: string) => void;

/** What the end of a state means to somebody who watches. */
const ends: Readonly<Record<string, string>> = {
  "Cordon node": "cordoned",
  "Complete hook": "may go",
  "Record retirement": "retired and forgotten",
};

/** What it means that a state is entered. */
const beginnings: Readonly<Record<string, string>> = {
  "Drain work": "drains",
  "Complete hook": "drained",
  "Forget node": "has ended",
  "Retirement failed": "was not retired as it should have been",
  "Recovery failed": "was not retired, nor was everything given back",
  Refused: "was refused",
};

/** Tells what happens in a person's words, each milestone of an instance once. */
export const createNarrator = (
  progress: Progress | undefined,
  elapsed: () => number,
): {
  readonly say: (line: string) => void;
  readonly onEvent: (run: Run, event: RunEvent) => void;
} => {
  const said = new Set<string>();
  const say = (line: string): void => progress?.(elapsed() / 1000, line);
  return {
    say,
    onEvent: (run, event) => {
      if (progress === undefined || event.state === undefined) return;
      const words =
        event.type === "StateExited"
          ? ends[event.state]
          : event.type === "StateEntered"
            ? beginnings[event.state]
            : undefined;
      if (words === undefined) return;
      const { instanceId } = JSON.parse(run.input) as { instanceId?: string };
      // On the way without a drain the hook is completed too.
      if (words === "drained" && !said.has(`${instanceId} drains`)) return;
      const line = `${instanceId ?? run.executionArn} ${words}`;
      if (said.has(line)) return;
      said.add(line);
      say(line);
    },
  };
};
