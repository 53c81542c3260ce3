import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { run } from "../../cli/run.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "drover-publish-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (path: string, text: string, mode = 0o644): void => {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, mode);
};

/** The faults that are told, one each. */
const told = async (): Promise<string[]> => {
  let said = "";
  await run(["publish", folder, "--pool", "workers", "--dry-run"], {
    out: () => undefined,
    error: (text) => (said += text),
  });
  return said.split("\n").filter((line) => /^(?:bundle\.yaml|files|hooks)/.test(line));
};

const faultsOf = (description: string): Promise<string[]> => {
  write("bundle.yaml", description);
  write("files/a.conf", "plain\n");
  return told();
};

const amd64 = "architectures: [amd64]\n";
const digest = "0123456789abcdef".repeat(4);

const messages = [
  [
    `${amd64}services: [{name: nginx, on_change: restart}]`,
    "bundle.yaml:2: services of nginx: there is no field on_change; there are name, runlevel, on-change, watch",
  ],
  ["files: []", "bundle.yaml:1: architectures: is missing: add architectures: [amd64]"],
  [
    `${amd64}binaries: [{path: /bin/x, amd64: {source: bucket}}]`,
    "bundle.yaml:2: binaries of /bin/x amd64 sha256: is missing: add sha256: <its 64 hexadecimal digits>",
  ],
  [
    `${amd64}binaries: [{path: /bin/x, check: -v, amd64: {source: bucket, sha256: ${digest}}}]`,
    "bundle.yaml:2: binaries of /bin/x check: has to be a list, such as [-v]",
  ],
  [
    `${amd64}services: [nginx]`,
    'bundle.yaml:2: services entry 1: has to be a mapping with fields of name, runlevel, on-change, watch, each as "field: value"',
  ],
  [
    `${amd64}files: [{path: /a.conf, mode: "640"}]`,
    'bundle.yaml:2: files of /a.conf mode: has three digits: write "0640"',
  ],
  [
    `${amd64}binaries: [{path: /bin/x, amd64: {source: "https://u:p@a.b/x", sha256: ${digest}}}]`,
    "bundle.yaml:2: binaries of /bin/x amd64 source: has credentials in its URL, which everybody could read: give a URL without them",
  ],
  [
    `${amd64}secrets: [{name: k, from: ssm, id: "{{drover.pool}}/k"}]`,
    "bundle.yaml:2: secrets of k id: has a placeholder, and these work in files/ only: write the id itself",
  ],
  [`${amd64}---\n${amd64}`, "bundle.yaml:2: no valid YAML: there are several documents: leave one"],
  [
    `${amd64}\tfiles: []\n\tservices: []`,
    "bundle.yaml:2: no valid YAML: Tabs are not allowed as indentation",
  ],
  [
    `${amd64}files: [{path: /run/drover/secrets/k, mode: "0600"}]`,
    "bundle.yaml:2: /run/drover/secrets/k is a secret: take it from files, and give its owner and mode in secrets",
  ],
  [
    `${amd64}binaries: [{path: /bin/x, amd64: {source: bucket, sha256: ${digest}}}]\nfiles: [{path: /bin/x, mode: "0750"}]`,
    "bundle.yaml:3: /bin/x is a binary: take its owner and mode from files, and give the mode in binaries",
  ],
  [
    `${amd64}services: [{name: x, watch: [/run/drover/secrets/k, /etc/passwd]}]`,
    "bundle.yaml:2: there is no secret k: name it under secrets, or correct the path",
    "bundle.yaml:2: /etc/passwd matches no file of the bundle, and only these can be watched: correct the path, or add the file",
  ],
] as const;

describe("what drover publish says of a fault", () => {
  for (const [description, ...expected] of messages)
    it(JSON.stringify(description), async () => {
      assert.deepEqual(await faultsOf(description), expected);
    });

  it("tells of a script of a service that is not executable, unless the description makes it so", async () => {
    const services = `${amd64}services: [{name: nginx}]\n`;
    write("files/etc/init.d/nginx", "#!/sbin/openrc-run\n");
    assert.deepEqual(await faultsOf(services), [
      "bundle.yaml:2: /etc/init.d/nginx is not executable, and OpenRC would not start it: chmod +x files/etc/init.d/nginx",
    ]);
    const files = 'files: [{path: /etc/init.d/*, mode: "0755"}]';
    assert.deepEqual(await faultsOf(services + files), []);
    chmodSync(join(folder, "files/etc/init.d/nginx"), 0o755);
    assert.deepEqual(await faultsOf(services), []);
  });

  it("tells of hooks that no machine could run", async () => {
    write("hooks/a", "echo\n");
    write("hooks/b", "#!/bin/sh\ntrue\r\n");
    write("hooks/c", "");
    const hooks = `${amd64}hooks: {after-switch: [hooks/a, hooks/b, hooks/c]}`;
    const none = "a hook has to begin with its interpreter: #!/bin/sh";
    assert.deepEqual(await faultsOf(hooks), [
      `hooks/a:1: ${none}`,
      "hooks/b:2: its lines end as on Windows (CRLF), which no shell takes: save it with LF",
      `hooks/c:1: ${none}`,
    ]);
  });

  it("tells of a number under not-secrets that no longer fits", async () => {
    write("files/b.json", '{\n"password": "pUqJrVyVRj5jsiYEkM/tFQ"\n}');
    assert.deepEqual(await faultsOf(`${amd64}files: [{path: /b.json, not-secrets: [1, 2]}]`), [
      "bundle.yaml:2: line 1 of /b.json has nothing that looks like a secret: correct the number, or take it away",
    ]);
  });

  it("says that a tag's key has a space", async () => {
    write("files/b.conf", "{{drover.tag.My Key}}");
    assert.deepEqual(await faultsOf(amd64), [
      "files/b.conf:1: {{drover.tag.My Key}}: a key with a space cannot be used here: give the tag another key",
    ]);
  });

  it("says how a description by another name is to be called", async () => {
    await faultsOf(amd64);
    renameSync(join(folder, "bundle.yaml"), join(folder, "bundle.yml"));
    assert.deepEqual(await told(), ["bundle.yaml: it is missing: rename bundle.yml"]);
  });

  it("says that files/ is missing, and not what follows from it", async () => {
    write("bundle.yaml", `${amd64}files: [{path: /a}]\nservices: [{name: x, watch: [/a]}]`);
    assert.deepEqual(await told(), [
      "files: the folder is missing: make it, for the tree as it will lie on the machine",
    ]);
  });

  it("tells an unknown secret although a field of another is wrong", async () => {
    write("files/b.conf", "{{drover.secret.k}} {{drover.secret.gone}}");
    assert.deepEqual(
      await faultsOf(`${amd64}secrets: [{name: k, from: ssm, id: k, mod: 1, mode: "600"}]`),
      [
        'bundle.yaml:2: secrets of k mode: has three digits: write "0600"',
        "bundle.yaml:2: secrets of k: there is no field mod; there are name, from, id, owner, mode",
        "files/b.conf:1: {{drover.secret.gone}}: there is no secret gone in bundle.yaml: name it there under secrets",
      ],
    );
  });
});
