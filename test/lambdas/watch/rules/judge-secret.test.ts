import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { judgeExpiry } from "../../../../lambdas/watch/rules/judge-expiry.ts";
import { judgeSecret, type SecretUse } from "../../../../lambdas/watch/rules/judge-secret.ts";
import { emulatedCredentials } from "../../../../rehearsal/world/emulated-credentials.ts";

const { ca, clientCertificate, clientKey } = emulatedCredentials;
const now = Date.parse("2026-03-01T00:00:00Z");
const day = 86_400_000;

describe("a secret", () => {
  for (const [use, text] of [
    ["token", "8f0c1d1e-1c2b-4a3d-9e4f-5a6b7c8d9e0f"],
    ["token", "s.a-b_c/d+e=="],
    ["ca", ca],
    ["ca", `some words before it\n${ca}\n${clientCertificate}\n`],
    ["clientCertificate", clientCertificate],
    ["clientKey", clientKey],
  ] as const) {
    test(`is right: ${use} ${text.slice(0, 12)}…`, () => {
      assert.equal(judgeSecret(use, text, now), undefined);
    });
  }

  const wrong: readonly (readonly [SecretUse, string | undefined, RegExp])[] = [
    ["token", undefined, /no text/],
    ["token", "  \n", /no text/],
    ["token", '{"token": "8f0c1d1e"}', /holds JSON/],
    ["token", "two words", /blanks/],
    ["token", "a\ntoken", /blanks/],
    ["token", "tökén", /characters/],
    ["ca", '["a"]', /holds JSON/],
    ["ca", "hunter2", /no certificate in PEM/],
    ["ca", clientKey, /no certificate in PEM/],
    ["clientCertificate", ca.replace(/MII/, "AAA"), /cannot be read/],
    ["clientKey", clientCertificate, /no private key/],
    ["clientKey", "hunter2", /no private key/],
  ];
  for (const [use, text, what] of wrong) {
    test(`is not right: ${use} ${JSON.stringify(text)?.slice(0, 24)}`, () => {
      const problem = judgeSecret(use, text, now);
      assert.equal(problem?.severity, "error");
      assert.match(problem.what, what);
      assert.match(problem.remedy, /as plain text/);
      const said = `${problem.what} ${problem.remedy}`;
      for (const secret of ["hunter2", "8f0c1d1e", "tökén", "two words"])
        assert.ok(!said.includes(secret));
    });
  }

  test("that is a certificate is told of in time", () => {
    const ends = Date.parse("2120-01-01T00:00:00Z");
    const at = (time: number) => judgeSecret("clientCertificate", clientCertificate, time);
    assert.equal(at(ends - 15 * day), undefined);
    assert.deepEqual(
      [at(ends - 13 * day)?.severity, at(ends - 13 * day)?.what],
      ["warning", "a certificate expires on 2120-01-01"],
    );
    assert.equal(at(ends + day)?.severity, "error");
    assert.match(at(Date.parse("2019-01-01T00:00:00Z"))?.what ?? "", /valid from 2020-01-01 only/);
  });
});

describe("a token", () => {
  test("that never expires is right, and others are told of in time", () => {
    assert.equal(judgeExpiry(null, now), undefined);
    assert.equal(judgeExpiry(undefined, now), undefined);
    const after = (days: number) => new Date(now + days * day).toISOString();
    assert.equal(judgeExpiry(after(14), now), undefined);
    assert.equal(judgeExpiry(after(13), now)?.severity, "warning");
    assert.equal(judgeExpiry(after(0), now)?.severity, "error");
    assert.equal(judgeExpiry(after(-1), now)?.severity, "error");
  });
});
