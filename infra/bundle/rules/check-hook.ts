export interface HookFault {
  readonly line: number;
  readonly message: string;
}

/**
 * Tells why a machine could not run a hook.
 *
 * @param text - whole lines of it
 * @param first - the number of the first of these
 */
export const checkHook = (text: string, first: number): readonly HookFault[] => {
  const faults: HookFault[] = [];
  if (first === 1 && !text.startsWith("#!"))
    faults.push({ line: 1, message: "a hook has to begin with its interpreter: #!/bin/sh" });
  const at = text.indexOf("\r\n");
  if (at >= 0)
    faults.push({
      line: first + text.slice(0, at).split("\n").length - 1,
      message: "its lines end as on Windows (CRLF), which no shell takes: save it with LF",
    });
  return faults;
};
