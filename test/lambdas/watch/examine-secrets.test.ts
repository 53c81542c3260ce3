import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import * as checkNomad from "../../../lambdas/watch/check-nomad.ts";
import type { CheckedNomad } from "../../../lambdas/watch/findings.ts";
import { type Bench, startBench } from "../bench.ts";
import { assertFinding, only } from "./findings.ts";

let bench: Bench;
beforeEach(async () => void (bench = await startBench()));
afterEach(() => bench.end());

const groups = { findings: [], slots: 1, pools: [] };
const check = async () => (await bench.call<CheckedNomad>(checkNomad, { groups })).findings;

describe("the secrets of a service", () => {
  test("that nobody can reach from there: the way to Secrets Manager is missing", async () => {
    bench.meddle(({ host }) =>
      host.startsWith("secretsmanager") ? new Promise(() => undefined) : undefined,
    );
    const began = bench.clock.now();
    const findings = await check();
    const secrets = findings.filter(({ check }) => check === "nomad-secrets");
    assert.equal(secrets.length, 4);
    for (const { severity, what, remedy } of secrets) {
      assert.equal(severity, "error");
      assert.match(what, /no answer within 15 s/);
      assert.match(remedy ?? "", /NAT gateway, or an interface endpoint/);
    }
    // Long before the function's time is over.
    assert.ok(bench.clock.now() - began < 120_000);
  });

  test("of which there is none", async () => {
    bench.secrets.refuse("nomad-token", "ResourceNotFoundException", "no such secret");
    const findings = await check();
    assertFinding(findings, "nomad-secrets", "error", /no such secret/, /make it/);
    assert.equal(only(findings, "nomad-secrets").subject, "nomad-token");
  });

  test("that must not be read", async () => {
    bench.secrets.refuse("nomad-ca", "AccessDeniedException", "Access to KMS is not allowed");
    const findings = await check();
    assertFinding(findings, "nomad-secrets", "error", /may not read it/, /encryptionKey/);
    // By the name that a person gave it.
    assert.equal(only(findings, "nomad-secrets").subject, "nomad-ca");
  });

  test("that have been corrected are read anew by a function that is warm", async () => {
    const again = bench.container(checkNomad);
    const first = await again<CheckedNomad>({ groups });
    assert.equal(only(first.findings, "nomad-token").severity, "ok");
    bench.secrets.rotate("nomad-token", "another");
    const second = await again<CheckedNomad>({ groups });
    assert.equal(only(second.findings, "nomad-token").severity, "error");
    bench.secrets.rotate("nomad-token", bench.park.credentials.nomadToken);
    const third = await again<CheckedNomad>({ groups });
    assert.equal(only(third.findings, "nomad-token").severity, "ok");
  });
});
