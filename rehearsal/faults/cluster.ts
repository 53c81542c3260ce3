import type { Random } from "../random.ts";
import { between } from "../random.ts";
import { answerWith } from "../wire.ts";
import type { Answer, OutgoingCall } from "../world/ledger.ts";
import { minute, moment, oneOf, second, span } from "./draw.ts";
import type { Fault, Occurrence, Scene } from "./fault.ts";
import { brokenConnection, strikeCalls } from "./services.ts";

const answer = (statusCode: number, text: string): Answer => ({
  response: answerWith(statusCode, text),
});

/** Nothing answers until the caller gives up. */
const silence = ({ signal }: OutgoingCall): Promise<never> =>
  new Promise((_, reject) => {
    const giveUp = () =>
      reject(Object.assign(new Error("Request aborted"), { name: "AbortError" }));
    if (signal?.aborted) giveUp();
    else signal?.addEventListener("abort", giveUp, { once: true });
  });

const refusedConnection = ({ service }: OutgoingCall): Error =>
  Object.assign(new Error(`connect ECONNREFUSED ${service}`), { code: "ECONNREFUSED" });

const drawOutage = (random: Random) => ({
  at: moment(random),
  lasts: span(random, 5 * second, 20 * minute),
  share: oneOf(random, [0.5, 1, 1]),
});

type Happening = (call: OutgoingCall, send: () => Promise<Answer>, scene: Scene) => Promise<Answer>;

/** A fault of all calls to a service for a while. */
const outage = (
  destination: "nomad" | "consul",
  name: string,
  what: string,
  happen: Happening,
): Fault => ({
  name: `${destination}-${name}`,
  what,
  reach: { of: "calls", to: [destination] },
  draw: drawOutage,
  strike: (scene, occurrence) =>
    strikeCalls(
      scene,
      occurrence,
      (call) => call.destination === destination,
      (call, send) => happen(call, send, scene),
    ),
});

/** Calls under way when a connection breaks have been heard, and are never answered. */
const cutOff = async (scene: Scene, occurrence: Occurrence, destination: string) => {
  const cuts = new Set<() => void>();
  const stopWatching = scene.world.ledger.interfere(async (call, send) => {
    if (call.destination !== destination) return send();
    let cut: (() => void) | undefined;
    const broken = new Promise<never>((_, reject) => {
      cut = () => {
        scene.met(call.subject);
        reject(brokenConnection());
      };
      cuts.add(cut);
    });
    try {
      return await Promise.race([send(), broken]);
    } finally {
      if (cut) cuts.delete(cut);
    }
  });
  await scene.world.clock.sleep(occurrence.lasts ?? minute);
  // What is under way now is cut as well, at the end of the flapping.
  for (const cut of cuts) cut();
  stopWatching();
};

/** Without a leader for a while: the servers answer, and can do nothing. */
const withoutLeader = async (scene: Scene, { lasts = minute }: Occurrence) => {
  const { park, world, struck, met } = scene;
  const { leader } = park.nomad.truth;
  if (leader === undefined) return;
  park.nomad.setLeader(undefined);
  struck(`${leader} is lost`);
  const stopWatching = world.ledger.interfere((call, send) => {
    if (call.destination === "nomad") met(call.subject);
    return send();
  });
  await world.clock.sleep(lasts);
  stopWatching();
  park.nomad.setLeader(leader);
};

export const clusterFaults: readonly Fault[] = [
  {
    name: "nomad-leaderless",
    what: "Nomad's servers have no leader",
    reach: { of: "calls", to: ["nomad"] },
    draw: (random) => ({ at: moment(random), lasts: span(random, second, 5 * minute) }),
    strike: withoutLeader,
  },
  outage("nomad", "slow", "Nomad takes up to 15 seconds to answer", async (call, send, scene) => {
    const { random, world } = scene;
    await Promise.race([world.clock.sleep(between(random, [second, 15 * second])), silence(call)]);
    return send();
  }),
  outage("nomad", "forbids", "Nomad knows the token no longer (403)", async () =>
    answer(403, "Permission denied"),
  ),
  outage("nomad", "busy", "Nomad has no connection left (429)", async () =>
    answer(
      429,
      "Your IP is issuing too many concurrent connections, please rate limit your calls\n",
    ),
  ),
  outage("nomad", "fails", "Nomad answers 500", async () =>
    answer(500, "rpc error: connection reset by peer"),
  ),
  outage("nomad", "unreachable", "Nomad's address refuses connections", async (call) => {
    throw refusedConnection(call);
  }),
  outage("nomad", "silent", "Nomad's address swallows what is sent", silence),
  {
    name: "nomad-cut-off",
    what: "a connection to Nomad breaks in the middle of a call, which was heard",
    reach: { of: "calls", to: ["nomad"] },
    draw: (random) => ({ at: moment(random), lasts: span(random, second, minute) }),
    strike: (scene, occurrence) => {
      if (occurrence.calls !== undefined)
        return strikeCalls(
          scene,
          occurrence,
          (call) => call.destination === "nomad",
          async (_, send) => {
            await send();
            throw brokenConnection();
          },
        );
      scene.struck();
      return cutOff(scene, occurrence, "nomad");
    },
  },
  outage("consul", "unreachable", "Consul's address refuses connections", async (call) => {
    throw refusedConnection(call);
  }),
  outage("consul", "silent", "Consul's address swallows what is sent", silence),
  outage("consul", "fails", "Consul answers 500", async () =>
    answer(500, "rpc error making call: EOF"),
  ),
];
