import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AclRules } from "../../../../lambdas/clients/nomad.ts";
import { judgeToken } from "../../../../lambdas/retire/rules/judge-token.ts";

/** As Nomad 1.6.1 gives `RulesJSON`: policies of a namespace are spelt out as capabilities. */
const rules = (
  node: string | null,
  namespaces: Readonly<Record<string, readonly string[]>> | null,
): AclRules =>
  ({
    Namespaces:
      namespaces &&
      Object.entries(namespaces).map(([Name, Capabilities]) => ({
        Name,
        Policy: "",
        Capabilities,
        Variables: null,
      })),
    NodePools: null,
    HostVolumes: null,
    Agent: null,
    Node: node === null ? null : { Policy: node },
    Operator: null,
    Quota: null,
    Plugin: null,
  }) as AclRules;

const needed = ["read-job", "csi-list-volume"];
const whole = rules("write", { "*": needed });
const node = 'node { policy = "write" }';
const inAll = (capability: string) => `namespace "*" { capabilities = ["${capability}"] }`;
const inOne = (name: string) => `namespace "${name}" { capabilities = ["read-job"] }`;

describe("a token", () => {
  for (const [title, policies, missing] of [
    ["with the documented policy has all it needs", [whole], []],
    ["may have it from several policies", [rules("write", null), rules(null, { "*": needed })], []],
    [
      "may have each capability from a policy of its own",
      [
        rules("write", { "*": ["read-job"] }),
        rules(null, { "*": ["csi-list-volume", "submit-job"] }),
      ],
      [],
    ],
    ["may be able to do more", [rules("write", { "*": [...needed, "submit-job"] })], []],
    ["without any policy lacks everything", [], [node, ...needed.map(inAll)]],
    ["lacks the node where it only reads it", [rules("read", { "*": needed })], [node]],
    ["lacks the node where another policy denies it", [whole, rules("deny", null)], [node]],
    [
      "lacks what it has in one namespace only",
      [rules("write", { default: needed })],
      needed.map(inAll),
    ],
    [
      "lacks what another policy denies in all namespaces",
      [whole, rules(null, { "*": ["deny"] })],
      needed.map(inAll),
    ],
    [
      "lacks what a narrower rule takes away",
      [rules("write", { "*": needed, secret: ["deny"], "team-*": ["list-jobs"] })],
      [inOne("secret"), inOne("team-*")],
    ],
    [
      "lacks what another policy denies in a namespace",
      [rules("write", { "*": needed, secret: ["read-job"] }), rules(null, { secret: ["deny"] })],
      [inOne("secret")],
    ],
    [
      "may have narrower rules that give as much",
      [rules("write", { "*": needed, web: ["read-job", "submit-job"] })],
      [],
    ],
  ] as const) {
    test(title, () => assert.deepEqual(judgeToken({ Type: "client" }, policies), missing));
  }

  test("of management needs no policy", () => {
    assert.deepEqual(judgeToken({ Type: "management" }, []), []);
  });
});
