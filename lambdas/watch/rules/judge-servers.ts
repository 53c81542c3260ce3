import type { ServerMember } from "../../clients/nomad.ts";
import { drainsNodesTogether } from "../../retire/rules/nomad-version.ts";
import { hasLeft } from "../../retire/rules/recognise-server.ts";
import { about, type Finding } from "../findings.ts";

export interface Servers {
  readonly region: string;
  readonly members: readonly ServerMember[];
}

/** Slots as they are asked for. */
export interface AskedSlots {
  readonly cluster: number;
  readonly pools: readonly { readonly pool: string; readonly slots: number | null }[];
}

/** Nodes are found by a filter on the servers, which came with this version. */
const oldest = [1, 3, 0] as const;
/** The one that the tests run with. */
const tested = [1, 6, 1] as const;

const isBefore = (build: string, bound: readonly number[]): boolean => {
  const match = /^v?(\d+)\.(\d+)\.(\d+)/.exec(build);
  const parts = match?.slice(1).map(Number) ?? [];
  for (const [index, limit] of bound.entries()) {
    const part = parts[index] ?? 0;
    if (part !== limit) return part < limit;
  }
  return false;
};

const buildOf = ({ Tags }: ServerMember): string => Tags["build"] ?? "unknown";

const list = (servers: readonly ServerMember[]): string =>
  servers.map((server) => `${server.Name} ${buildOf(server)}`).join(", ");

/** What the servers are, and what follows from that for the slots. */
export const judgeServers = (servers: Servers, asked: AskedSlots): Finding[] => {
  const { ok, warning, error } = about("nomad-servers", `region ${servers.region}`);
  const present = servers.members.filter((server) => !hasLeft(server));
  const findings: Finding[] = [];
  const tooOld = present.filter((server) => isBefore(buildOf(server), oldest));
  const untested = present.filter(
    (server) => !tooOld.includes(server) && isBefore(buildOf(server), tested),
  );
  if (tooOld.length > 0) {
    findings.push(
      error(
        `too old for Drover: ${list(tooOld)}; servers before ${oldest.join(".")} cannot look for a node by its instance`,
        "upgrade the servers",
      ),
    );
  }
  if (untested.length > 0) {
    findings.push(
      warning(
        `older than what Drover is tested with (${tested.join(".")}): ${list(untested)}`,
        "upgrade the servers, or try it in a pool that is observe-only first",
      ),
    );
  }
  const failed = present.filter(({ Status }) => Status !== "alive");
  if (failed.length > 0) {
    findings.push(
      warning(
        `not alive: ${failed.map(({ Name, Status }) => `${Name} (${Status})`).join(", ")}`,
        "bring them back, or remove them (`nomad server force-leave`)",
      ),
    );
  }
  const old = present.filter((server) => !drainsNodesTogether(buildOf(server)));
  const wanting = [
    ...(asked.cluster > 1 ? [`the cluster ${asked.cluster}`] : []),
    ...asked.pools.flatMap(({ pool, slots }) =>
      slots !== null && slots > 1 ? [`the pool ${pool} ${slots}`] : [],
    ),
  ];
  if (old.length > 0 && wanting.length > 0) {
    findings.push(
      warning(
        `one node drains at a time in the whole cluster, although slots are more (${wanting.join(", ")}): before 1.10.3 Nomad takes services down when two nodes drain at once, and ${list(old)} runs`,
        "upgrade the servers to 1.10.3 or newer (hashicorp/nomad#26175), or set slots to 1, so that nobody expects more",
      ),
    );
  }
  if (findings.length > 0) return findings;
  const builds = [...new Set(present.map(buildOf))].sort();
  const many = old.length > 0 ? "one node drains at a time" : "several nodes may drain at once";
  return [
    ok(
      `${present.length} ${present.length === 1 ? "server" : "servers"} with Nomad ${builds.join(", ")}: ${many}`,
    ),
  ];
};
