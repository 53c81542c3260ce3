import { spawn } from "node:child_process";
import { once } from "node:events";
import { Socket } from "node:net";
import { clusterVariable } from "./processes.ts";

/** Clears up behind a cluster. */
export interface Keeper {
  /** Ends what is left of the cluster, deletes its folder, and resolves when that is done. */
  finish(): Promise<void>;
}

/**
 * Waits for the end of its input, which comes when this process closes it or dies of anything. Then
 * it ends whatever bears the cluster's mark, which the kernel should have done by then, and deletes
 * the folder.
 */
const script = `
trap '' HUP INT TERM
cat >/dev/null
rounds=0
while [ "$rounds" -lt 100 ]; do
  left=$(grep -lsF -- "$2=$1" /proc/[0-9]*/environ)
  [ -n "$left" ] || break
  for file in $left; do
    pid=\${file#/proc/}
    kill -9 "\${pid%/environ}" 2>/dev/null
  done
  rounds=$((rounds + 1))
  sleep 0.1
done
rm -rf -- "$1"
`;

/** Starts the keeper of a cluster's folder. */
export const startKeeper = async (folder: string): Promise<Keeper> => {
  const keeper = spawn("sh", ["-c", script, "sh", folder, clusterVariable], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  await once(keeper, "spawn");
  const exited = once(keeper, "exit");
  keeper.unref();
  // Neither it nor the pipe keeps this process alive: one that only forgot to stop may end.
  if (keeper.stdin instanceof Socket) keeper.stdin.unref();
  return {
    finish: async () => {
      keeper.ref();
      keeper.stdin.end();
      await exited;
    },
  };
};
