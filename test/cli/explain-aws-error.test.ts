import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { explainAwsError } from "../../cli/explain-aws-error.ts";
import { BadArguments, CannotFinish } from "../../cli/output.ts";

const failing = (message: string, facts: Readonly<Record<string, unknown>>): Error =>
  Object.assign(new Error(message), facts);
const answered = (name: string, httpStatusCode: number, message = "so it is"): Error =>
  failing(message, { name, $metadata: { httpStatusCode, requestId: "R42" } });
const explain = (error: unknown): unknown => explainAwsError(error, "s3:GetObject");

describe("what a person can do about an answer of AWS", () => {
  const cases: readonly (readonly [
    string,
    unknown,
    typeof BadArguments | typeof CannotFinish,
    RegExp,
  ])[] = [
    ["no credentials", failing("no", { name: "CredentialsProviderError" }), BadArguments, /log in/],
    ["old credentials", answered("ExpiredToken", 400), BadArguments, /not accepted.*log in again/],
    ["rights", answered("AccessDenied", 403), BadArguments, /so it is; needed are s3:GetObject$/],
    ["rights, to a HEAD", answered("Unknown", 403), BadArguments, /403.*needed are s3:GetObject$/],
    ["no bucket", answered("NoSuchBucket", 404), CannotFinish, /deploy the bundle store again/],
    ["a disabled key", answered("DisabledException", 400), CannotFinish, /docs\/bundles\.md/],
    ["a deleted key", answered("KMSInvalidStateException", 400), CannotFinish, /enable it, or/],
    ["no region", new Error("Region is missing"), BadArguments, /give --region/],
    ["no network", failing("no", { code: "ENOTFOUND" }), CannotFinish, /not reached from here/],
    ["a cut", failing("aborted", { code: "ECONNRESET" }), CannotFinish, /was cut.*try again/],
    ["silence", failing("no answer", { name: "TimeoutError" }), CannotFinish, /was cut.*try again/],
    ["no time", answered("SlowDown", 503), CannotFinish, /SlowDown: so it is \(request R42\): try/],
    [
      "too many",
      answered("ThrottlingException", 400),
      CannotFinish,
      /R42\): try again in a minute/,
    ],
    ["anything else", answered("Teapot", 418), CannotFinish, /^AWS answered Teapot: so it is \(re/],
  ];
  for (const [name, error, kind, said] of cases)
    it(`is told: ${name}`, () => {
      const explained = explain(error);
      assert.ok(explained instanceof kind);
      assert.match(explained.message, said);
    });

  it("is nothing where the fault is of this program", () => {
    const error = new TypeError("x is not a function");
    assert.equal(explain(error), error);
  });

  it("is nothing where it was told already", () => {
    const error = new CannotFinish("deploy it again");
    assert.equal(explain(error), error);
  });
});
