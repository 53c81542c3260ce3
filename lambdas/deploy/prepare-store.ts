import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { awsClientOptions } from "../clients/aws.ts";
import { bundleKeyClient } from "../clients/bundle-key.ts";
import { bundleObjectsClient } from "../clients/bundle-objects.ts";
import { onlyFields } from "../runtime/only-fields.ts";
import { describeIssues } from "../runtime/settings.ts";
import { lambdaSurroundings, type Surroundings } from "../runtime/surroundings.ts";
import { answerCloudFormation, type ResourceRequest } from "./custom-resource.ts";
import { scriptsFile } from "./scripts-file.ts";
import { untilGranted } from "./until-granted.ts";

const properties = onlyFields({
  // CloudFormation's own.
  ServiceToken: v.string(),
  ServiceTimeout: v.optional(v.unknown()),
  Bucket: v.string(),
  /** ARNs of all keys whose signatures machines believe. */
  Keys: v.pipe(v.array(v.string()), v.minLength(1, "has to name a key")),
  /** The digest that user data names. */
  Scripts: v.string(),
});

/**
 * What a deployment does in a store of bundles: it puts the scripts of machines there, and reads
 * the public keys for their user data.
 */
export const createHandler = (surroundings: Surroundings) => {
  const { clock, env } = surroundings;
  const options = awsClientOptions(surroundings);

  const readScripts = async (expected: string): Promise<Uint8Array> => {
    const archive = await readFile(join(env["LAMBDA_TASK_ROOT"] ?? ".", scriptsFile));
    const found = createHash("sha256").update(archive).digest("hex");
    if (found !== expected)
      throw new Error(
        `the scripts in this function have the digest ${found}, and user data names ${expected}: build Drover again, functions and templates together`,
      );
    return archive;
  };

  const prepare = async (given: unknown): Promise<Record<string, string>> => {
    const parsed = v.safeParse(properties, given);
    if (!parsed.success)
      throw new Error(`the resource's properties: ${describeIssues(parsed.issues)}`);
    const { Bucket, Keys, Scripts } = parsed.output;
    const archive = await readScripts(Scripts);
    const objects = bundleObjectsClient(options, Bucket, clock);
    // That it is there already is as good: the name is the digest.
    await untilGranted(clock, () => objects.create(`binaries/${Scripts}`, archive));
    const keys = await Promise.all(
      Keys.map((key) => untilGranted(clock, () => bundleKeyClient(options, key).publicKey())),
    );
    return { Scripts, PublicKeys: keys.join("").trim() };
  };

  return (request: ResourceRequest): Promise<void> => answerCloudFormation(request, prepare);
};

export const handler = (request: ResourceRequest): Promise<void> =>
  createHandler(lambdaSurroundings())(request);
