import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { awsClientOptions } from "../clients/aws.ts";
import { bundleObjectsClient } from "../clients/bundle-objects.ts";
import { type BundleDesk, openDesk } from "../config/bundle-desk.ts";
import { isSha256 } from "../config/lines.ts";
import { type PublishOrder, publishBundle } from "../config/publish-bundle.ts";
import { readChannel } from "../config/read-channel.ts";
import { summarizeMove } from "../config/rules/summarize-move.ts";
import { storeBundle } from "../config/store-bundle.ts";
import { type MoveResult, swapChannel } from "../config/swap-channel.ts";
import { lineLogger } from "../runtime/logger.ts";
import { onlyFields } from "../runtime/only-fields.ts";
import { describeIssues } from "../runtime/settings.ts";
import { lambdaSurroundings, type Surroundings } from "../runtime/surroundings.ts";
import { answerCloudFormation, type ResourceRequest } from "./custom-resource.ts";
import { type FetchedBundle, fetchBundle } from "./fetch-bundle.ts";
import { untilGranted } from "./until-granted.ts";

const properties = onlyFields({
  // CloudFormation's own.
  ServiceToken: v.string(),
  ServiceTimeout: v.optional(v.unknown()),
  /** Of the store. */
  Bucket: v.string(),
  /** ARN of the key that signs. */
  Key: v.string(),
  /** ARNs of all keys whose signatures machines believe. */
  TrustedKeys: v.pipe(v.array(v.string()), v.minLength(1, "has to name a key")),
  Pool: v.string(),
  Sha256: v.pipe(v.string(), v.check(isSha256, "has to be a digest")),
  /** Where the deployment has put the archive. */
  ArchiveBucket: v.string(),
  ArchiveKey: v.string(),
  // CloudFormation makes texts of all values.
  Promote: v.picklist(["true", "false"]),
  Revision: v.optional(v.string()),
});
type Properties = v.InferOutput<typeof properties>;

/** What a pool is to run, and from where. */
const orderFields = ["Bucket", "Pool", "Sha256", "Promote"] as const;

const isSameOrder = (
  given: Properties,
  before: Readonly<Record<string, unknown>> | undefined,
): boolean => before !== undefined && orderFields.every((field) => before[field] === given[field]);

/** `arn:aws:cloudformation:<region>:<account>:stack/<name>/<id>` */
const stackName = (stackId: string): string => stackId.split("/")[1] ?? stackId;

/** Publishes nothing; what a former key has signed is signed anew. */
const keep = async (
  desk: BundleDesk,
  { built }: FetchedBundle,
  pool: string,
): Promise<MoveResult> => {
  await storeBundle(desk, built);
  const why = "the template orders what it ordered before";
  return swapChannel(desk, pool, () => ({ moved: false, why }));
};

/**
 * Publishes a bundle that was packed when the app was synthesized, as `drover publish` does it: it
 * becomes the candidate, or at once the current one. What dies may be run again.
 *
 * - An update that orders what the template ordered before moves nothing: where a person has rolled
 *   back meanwhile, that stays. It signs anew what another key has signed.
 * - A stack that is rolled back orders what its template before says. So that bundle is published:
 *   it is the candidate again; or, if it is still the current one, the new candidate is withdrawn;
 *   or, with `Promote`, it is the current one again.
 * - What is deleted leaves store and channel as they are: machines run it.
 */
export const createHandler = (surroundings: Surroundings) => {
  const { clock, env, write } = surroundings;
  const options = awsClientOptions(surroundings);
  const logger = lineLogger(env["DROVER_CLUSTER"] ?? "unknown", write);
  // Always the same: what a run left behind that was ended is replaced.
  const file = join(env["TMPDIR"] ?? tmpdir(), "bundle.tar.gz");

  const publish = async (given: Properties, request: ResourceRequest): Promise<MoveResult> => {
    const { Pool: pool, Sha256: sha256, Revision: revision } = given;
    const assets = bundleObjectsClient(options, given.ArchiveBucket, clock);
    const place = { bucket: given.Bucket, key: given.Key, trustedKeys: given.TrustedKeys };
    const desk = openDesk(options, place, clock);
    const fetched = await fetchBundle(assets, given.ArchiveKey, { pool, sha256 }, file);
    const isOrdered = isSameOrder(given, request.OldResourceProperties);
    if (isOrdered && (await readChannel(desk, pool))) return keep(desk, fetched, pool);
    const who = `CloudFormation stack ${stackName(request.StackId)}`;
    const order: PublishOrder = {
      pool,
      promote: given.Promote === "true",
      mover: { who, now: clock.now(), revision },
    };
    return publishBundle(desk, fetched.built, fetched.binaries, order);
  };

  return (request: ResourceRequest): Promise<void> =>
    answerCloudFormation(request, async (given) => {
      const parsed = v.safeParse(properties, given);
      if (!parsed.success)
        throw new Error(`the resource's properties: ${describeIssues(parsed.issues)}`);
      try {
        const result = await untilGranted(clock, () => publish(parsed.output, request));
        logger.info("the channel", { pool: parsed.output.Pool, ...summarizeMove(result) });
        return {};
      } finally {
        await rm(file, { force: true });
      }
    });
};

export const handler = (request: ResourceRequest): Promise<void> =>
  createHandler(lambdaSurroundings())(request);
