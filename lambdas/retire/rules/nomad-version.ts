/**
 * Whether a Nomad server respects `max_parallel` when two nodes drain at once
 * (hashicorp/nomad#25979: it took services down). The fix, #26175, came with
 * 1.10.3 in the community edition. The backports to 1.8 and 1.9 are in
 * Enterprise only and their numbers are not public knowledge, so these count as
 * without it.
 *
 * @param build - a server's build, as its members list says: `1.10.3`, `1.6.1+ent`
 */
export const drainsNodesTogether = (build: string): boolean => {
  const match = /^v?(\d+)\.(\d+)\.(\d+)/.exec(build);
  if (!match) return false;
  const [major, minor, patch] = match.slice(1).map(Number) as [number, number, number];
  if (major !== 1) return major > 1;
  return minor > 10 || (minor === 10 && patch >= 3);
};
