import { createResolver, type Place, type Template } from "../../rehearsal/engine/intrinsics.ts";

/** What a resource itself says of who may do what to it. */
export interface ResourcePolicy {
  readonly document: unknown;
  /** Equal for equal policies. */
  readonly key: string;
}

/** The bucket of an object's ARN; any other ARN as it is. */
const holderOf = (arn: string): string =>
  arn.startsWith("arn:aws:s3:::") ? arn.replace(/\/.*$/s, "") : arn;

/**
 * Reads the policies of a template's buckets and keys.
 *
 * @returns the policy of a bucket, of an object by its bucket, or of a key, by ARN
 */
export const readResourcePolicies = (
  template: Template,
  place: Place,
): ((arn: string) => ResourcePolicy | undefined) => {
  const resolver = createResolver(template, place);
  const policies = new Map<string, ResourcePolicy>();
  const add = (arn: string, unresolved: unknown): void => {
    const document = resolver.resolve(unresolved);
    policies.set(arn, { document, key: JSON.stringify(document) });
  };
  for (const [id, { Type, Properties }] of Object.entries(template.Resources)) {
    if (Type === "AWS::S3::BucketPolicy")
      add(
        `arn:aws:s3:::${String(resolver.resolve(Properties?.["Bucket"]))}`,
        Properties?.["PolicyDocument"],
      );
    if (Type === "AWS::KMS::Key") add(resolver.attribute(id, "Arn"), Properties?.["KeyPolicy"]);
  }
  return (arn) => policies.get(holderOf(arn));
};
