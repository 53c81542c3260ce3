import type { Records } from "../clients/records.ts";
import type { Hook, Retirement } from "./retirement.ts";

/**
 * The hook as the record knows it by now: another event of the same instance may
 * have brought one, or a tighter deadline, since the execution was told.
 */
export const currentHook = async (
  records: Pick<Records, "read">,
  known: Pick<Retirement, "instanceId" | "execution" | "hook">,
): Promise<Hook | null> => {
  const record = await records.read(known.instanceId);
  return (record?.execution === known.execution ? record.hook : null) ?? known.hook;
};
