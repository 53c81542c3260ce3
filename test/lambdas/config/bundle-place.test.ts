import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseBundlePlace } from "../../../lambdas/config/bundle-place.ts";

const place = { bucket: "bundles", key: "arn:one", trustedKeys: ["arn:two", "arn:one"] };

describe("the parameter that says where the bundles are", () => {
  it("names bucket and keys", () => {
    assert.deepEqual(parseBundlePlace(JSON.stringify(place)), place);
  });

  it("trusts the key that signs where it names no others", () => {
    const { trustedKeys: _, ...alone } = place;
    assert.deepEqual(parseBundlePlace(JSON.stringify(alone))?.trustedKeys, ["arn:one"]);
  });

  for (const [name, text] of [
    ["no JSON", "bundles"],
    ["nothing", ""],
    ["another shape", "[]"],
    ["no bucket", JSON.stringify({ ...place, bucket: "" })],
    ["a signing key that is not trusted", JSON.stringify({ ...place, trustedKeys: ["arn:two"] })],
  ] as const)
    it(`is not what it has to be: ${name}`, () => assert.equal(parseBundlePlace(text), undefined));
});
