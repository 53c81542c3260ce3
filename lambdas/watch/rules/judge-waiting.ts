import type { ClusterFailure } from "../../clients/cluster-api.ts";
import { about, type Finding } from "../findings.ts";

/** One query that Nomad was asked to hold although nothing changes. */
export interface HeldQuery {
  /** The address, as the finding's subject. */
  readonly subject: string;
  readonly askedSeconds: number;
  readonly tookSeconds: number;
  /** Undefined when Nomad answered. */
  readonly failure: Pick<ClusterFailure, "kind" | "status" | "code" | "text"> | undefined;
}

/** What fails sooner was not cut while it waited. */
const atOnceSeconds = 3;

/** An answer may come a moment early by the clocks of two machines. */
const toleranceSeconds = 2;

/**
 * Whether what stands between Drover and Nomad lets a query wait as long as
 * Drover lets it. Load balancers and proxies cut a connection on which nothing
 * moves, each after a time of its own, and say so in ways of their own: only the
 * time tells it apart from an outage.
 */
export const judgeWaiting = ({
  subject,
  askedSeconds,
  tookSeconds,
  failure,
}: HeldQuery): Finding => {
  const { ok, warning, error } = about("nomad-waiting", subject);
  const took = Math.round(tookSeconds);
  const isWhole = tookSeconds >= askedSeconds - toleranceSeconds;
  if (failure === undefined) {
    if (isWhole) return ok(`a query may wait for ${askedSeconds} s`);
    return warning(
      `a query that was to wait for ${askedSeconds} s was answered after ${took} s, with nothing changed: something in between answers for Nomad, or shortens the wait`,
      "see which proxy or load balancer is in between; Drover works, with more calls than it needs",
    );
  }
  if (failure.kind === "busy") {
    return warning(
      "a query that waits was refused (429): too many connections from the address of the functions",
      "raise http_max_conns_per_client of the servers (100 by default); Drover polls meanwhile, with pauses",
    );
  }
  const how =
    failure.status === undefined
      ? typeof failure.code === "string"
        ? failure.code
        : failure.text
      : `${failure.status}`;
  if (isWhole) {
    return error(
      `a query that was to wait for ${askedSeconds} s had no answer after ${took} s (${how})`,
      `something in between cuts a connection after about ${took} s, or holds its answer back: raise its idle time-out to 60 s or more`,
    );
  }
  if (tookSeconds < atOnceSeconds) {
    return error(
      `a query that was to wait for ${askedSeconds} s failed at once (${how}), where others are answered`,
      "see what the load balancer or proxy in between makes of it, or give the address of the servers themselves",
    );
  }
  return error(
    `a query that was to wait for ${askedSeconds} s was cut after ${took} s (${how}): each wait for a drain ends in an error, and is taken for an outage`,
    `raise the idle time-out of the load balancer or proxy in between to 60 s or more (it is about ${took} s now), or give the address of the servers themselves`,
  );
};
