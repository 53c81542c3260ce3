import { renderError } from "../emulators/s3/xml.ts";
import { minute, moment, oneOf, second, someOf, span, whole } from "../faults/draw.ts";
import { between, seededBy } from "../random.ts";
import { intrusions } from "./intrusions.ts";
import type { Mishap } from "./people.ts";
import type { PublishFault, PublishOccurrence } from "./scene.ts";

const s3Fails = (status: number): Response =>
  new Response(
    renderError(
      status === 503
        ? { Code: "SlowDown", Message: "Please reduce your request rate." }
        : { Code: "InternalError", Message: "We encountered an internal error. Please try again." },
    ),
    { status, headers: { "content-type": "application/xml" } },
  );

/** Source: AWS KMS API Reference, "Common Errors". */
const kmsThrottles = (): Response =>
  new Response(JSON.stringify({ __type: "ThrottlingException", message: "Rate exceeded" }), {
    status: 400,
    headers: { "content-type": "application/x-amz-json-1.1" },
  });

const brokenConnection = (): Error =>
  Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET", errno: -104 });

/** A fault of a share of all calls to a service, for a while. */
const outage = (
  name: string,
  what: string,
  service: string,
  happen: (
    random: () => number,
    sleep: (milliseconds: number) => Promise<void>,
  ) => Promise<Response | undefined>,
): PublishFault => ({
  name,
  what,
  draw: (random) => ({
    at: moment(random, 4 * minute),
    lasts: span(random, 5 * second, 10 * minute),
    share: oneOf(random, [0.3, 0.7, 1]),
  }),
  strike: async ({ world, random, struck, disturb }, { lasts = minute, share = 1 }) => {
    struck();
    const stop = disturb(async (called) =>
      called === service && random() < share
        ? happen(random, (milliseconds) => world.clock.sleep(milliseconds))
        : undefined,
    );
    await world.clock.sleep(lasts);
    stop();
  },
});

const mishaps: readonly Mishap["how"][] = ["dies before", "dies after", "loses the answer"];

export const publishFaults: readonly PublishFault[] = [
  outage("s3-fails", "S3 answers 500 and 503", "s3", async (random) =>
    s3Fails(oneOf(random, [500, 503])),
  ),
  outage("s3-slow", "S3 takes up to 15 seconds to answer", "s3", async (random, sleep) => {
    await sleep(between(random, [second, 15 * second]));
    return undefined;
  }),
  outage("s3-unreachable", "connections to S3 break", "s3", async () => {
    throw brokenConnection();
  }),
  outage("kms-throttles", "KMS is asked too often", "kms", async () => kmsThrottles()),
  {
    name: "publisher-dies",
    what: "the process of a publisher ends between any two of its calls, or loses an answer",
    draw: (random) => ({
      at: moment(random, minute),
      call: whole(random, 1, 24),
      how: oneOf(random, mishaps),
    }),
    strike: ({ strikePublisher, struck }, { call = 1, how }) => {
      const found = mishaps.find((each) => each === how) ?? "dies before";
      struck(`${found}, at call ${call}`);
      strikePublisher({ call, how: found });
    },
  },
  {
    name: "two-publishers",
    what: "two people publish at the same moment",
    draw: (random) => ({ at: moment(random, minute) }),
    strike: ({ addRival, struck }) => {
      struck();
      addRival();
    },
  },
  ...intrusions,
];

export const publishFaultNames: readonly string[] = publishFaults.map(({ name }) => name);

/** @throws for a name that nothing has */
export const findPublishFault = (name: string): PublishFault => {
  const fault = publishFaults.find((each) => each.name === name);
  if (fault === undefined) throw new Error(`there is no fault called ${name}`);
  return fault;
};

/** More than this at once is no bad day any more. */
const mostAtOnce = 4;

/**
 * Draws what goes wrong: each of a few faults, or some of many.
 *
 * @returns in the order of time; the same for the same seed and names
 */
export const drawPublishSchedule = (
  seed: number,
  faults: readonly string[],
): readonly PublishOccurrence[] => {
  const random = seededBy(seed, "faults");
  const struck =
    faults.length > mostAtOnce ? someOf(random, faults, whole(random, 1, mostAtOnce)) : faults;
  return struck
    .map((fault) => ({ fault, ...findPublishFault(fault).draw(random) }))
    .toSorted((one, other) => one.at - other.at);
};
