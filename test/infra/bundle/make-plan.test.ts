import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { makePlan } from "../../../infra/bundle/rules/make-plan.ts";
import { readDescription } from "../../../infra/bundle/rules/read-description.ts";

const ownedOf = (files: string): readonly string[] => {
  const read = readDescription(`architectures: [amd64]\nfiles: ${files}`);
  const { plan, faults } = makePlan(
    "workers",
    read,
    [
      { path: "files", kind: "folder" },
      { path: "files/etc", kind: "folder" },
      { path: "files/etc/conf.d", kind: "folder" },
      { path: "files/etc/nginx.conf", kind: "file", executable: false, size: 1 },
    ],
    [],
  );
  assert.deepEqual([...read.faults, ...faults], []);
  return plan.owned.map(({ owner, mode, path }) => `${owner} ${mode} ${path}`);
};

describe("the owners and modes of a plan", () => {
  it("gives the mode of a glob to files, and its owner to folders too", () => {
    assert.deepEqual(ownedOf('[{path: /etc/*, owner: "nginx:nginx", mode: "0640"}]'), [
      "nginx:nginx 0755 /etc/conf.d",
      "nginx:nginx 0640 /etc/nginx.conf",
    ]);
    assert.deepEqual(ownedOf('[{path: /etc/*, mode: "0640"}]'), ["root:root 0640 /etc/nginx.conf"]);
  });

  it("gives a folder the mode of its own path", () => {
    assert.deepEqual(ownedOf('[{path: /etc/conf.d, mode: "0750"}, {path: /etc/*, mode: "0640"}]'), [
      "root:root 0750 /etc/conf.d",
      "root:root 0640 /etc/nginx.conf",
    ]);
  });
});
