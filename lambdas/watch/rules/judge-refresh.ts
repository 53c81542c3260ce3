import type { Group } from "../../clients/groups.ts";
import { about, type Finding } from "../findings.ts";
import { resumeCommand } from "./commands.ts";

/**
 * What others do to a group at the same time.
 *
 * @param refresh - the status of an instance refresh under way; undefined without one
 */
export const judgeRefresh = (
  { name, suspended }: Pick<Group, "name" | "suspended">,
  refresh: string | undefined,
): Finding[] => {
  const { warning } = about("refresh", name);
  const findings: Finding[] = [];
  if (refresh !== undefined) {
    findings.push(
      warning(
        `an instance refresh is under way (${refresh}): it ends instances at its own pace, and each of them waits for its slot`,
        "let it end before you change anything else of the pool, or cancel it",
      ),
    );
  }
  if (suspended.includes("Terminate")) {
    findings.push(
      warning(
        "the process Terminate is suspended: no instance leaves",
        `resume it when the reason is over: \`${resumeCommand(name)}\``,
      ),
    );
  }
  return findings;
};
