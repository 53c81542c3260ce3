import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { allowMark, findSecrets } from "../../../infra/bundle/rules/find-secrets.ts";

// Put together here: as they are, they would be found in this file too.
const some = (count: number): string =>
  "Ab3dEf6hIj9lMn2pQr5tUv8xYz1Cd4Fg7".repeat(2).slice(0, count);
const forms: readonly (readonly [string, string])[] = [
  ["a private key", "-----BEGIN EC PRIVATE KEY-----"],
  ["a private key", "-----BEGIN PRIVATE KEY-----"],
  ["an access key of AWS", `AKIA${"Q2".repeat(8)}`],
  ["an access key of AWS", `ASIA${"Q2".repeat(8)}`],
  ...["ghp", "gho", "ghu", "ghs", "ghr"].map((kind) => ["GitHub", `${kind}_${some(36)}`] as const),
  ["GitHub", `github_pat_${some(22)}`],
  ["GitLab", `glpat-${some(20)}`],
  ...["a", "b", "e", "o", "p", "r", "s"].map(
    (kind) => ["Slack", `xox${kind}-${some(12)}`] as const,
  ),
  ...["s", "b", "r"].map((kind) => ["Vault", `hv${kind}.${some(24)}`] as const),
  ["Google", `AIza${some(35)}`],
  ["a password in an URL", `redis://ada:${some(8)}@cache.internal:6379`],
];
const secretFields = (
  "encrypt password PASSWD db_passphrase secret client-secret secret_key aws_secret_access_key " +
  "SECRET_ID private_key privateKey api-key apiKey auth_key gossip_key token acl_token " +
  "VAULT_TOKEN credential credentials"
).split(" ");
const tokenFields = (
  "agent agent_recovery agent_master initial_management default replication " +
  "config_file_service_registration"
).split(" ");
const uuid = "1b4e28ba-2fa1-11d2-883f-0016d3cca427";

describe("what looks like a secret", () => {
  for (const [what, value] of forms) {
    it(`is found by its form: ${what}, ${value.slice(0, 11)}…`, () => {
      const [found, ...others] = findSecrets(`a line\n  x ${value} y\n`);
      assert.equal(found?.line, 2);
      assert.match(found.message, new RegExp(what));
      assert.deepEqual(others, []);
    });
  }

  it("is found by the name of its field, however that is written", () => {
    for (const field of secretFields)
      for (const line of [
        `${field} = "${some(20)}"`,
        `"${field}": '${some(20)}',`,
        `${field}=${some(20)}`,
      ])
        assert.match(
          findSecrets(line)[0]?.message ?? "",
          new RegExp(`the value of ${field} looks`),
          line,
        );
    for (const field of tokenFields)
      assert.match(findSecrets(`${field} = "${uuid}"`)[0]?.message ?? "", /looks like/, field);
  });

  it("is none where it stands for a value, where somebody has looked at it, and in other fields", () => {
    const mine = `token = "${some(20)}"`;
    for (const line of [
      'token = "{{drover.secret.token}}"',
      "password: /run/secrets/password",
      'default = "a bundle of the pool"',
      `retry_join = "${some(20)}"`,
      `digest: ${some(40)}`,
      `${mine} # ${allowMark}`,
    ])
      assert.deepEqual(findSecrets(line), [], line);
    assert.equal(findSecrets(`x\n${mine}\n`, 7)[0]?.line, 8);
  });
});
