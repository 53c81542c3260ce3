import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { run } from "../../cli/run.ts";

const root = join(import.meta.dirname, "..", "..");
const example = join(root, "examples", "pool");

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "drover-publish-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (path: string, text: string | Buffer, mode = 0o644): void => {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, mode);
};

const publish = async (...args: string[]) => {
  let out = "";
  let error = "";
  const code = await run(["publish", ...args], {
    out: (text) => (out += text),
    error: (text) => (error += text),
  });
  return { code, out, error };
};
const dryRun = (source: string, ...args: string[]) =>
  publish(source, "--pool", "workers", "--dry-run", ...args);

const digest = "0123456789abcdef".repeat(4);

interface Fault {
  readonly name: string;
  readonly make: () => void;
  readonly told: RegExp;
}
const text = (
  path: string,
  content: string,
  told: RegExp,
  name = JSON.stringify(content),
): Fault => ({
  name,
  make: () => write(path, content),
  told,
});

/** Something else lies where a file or a folder has to be. */
const replaced = (
  path: string,
  what: string,
  put: (path: string) => unknown,
  told: RegExp,
): Fault => ({
  name: `${path} that is ${what}`,
  make: () => {
    rmSync(join(folder, path), { recursive: true, force: true });
    put(join(folder, path));
  },
  told,
});

const faults: readonly Fault[] = [
  replaced("bundle.yaml", "a folder", mkdirSync, /^bundle\.yaml: it is no file: /m),
  replaced(
    "bundle.yaml",
    "a link to itself",
    (path) => symlinkSync("bundle.yaml", path),
    /^bundle\.yaml: it cannot be read \(ELOOP/m,
  ),
  replaced(
    "bundle.yaml",
    "a pipe",
    (path) => execFileSync("mkfifo", [path]),
    /^bundle\.yaml: it is no file: /m,
  ),
  replaced("files", "a file", (path) => writeFileSync(path, ""), /^files: it is no folder: /m),
  replaced("files", "a link", (path) => symlinkSync("hooks", path), /^files: it is no folder: /m),
  replaced("hooks", "a file", (path) => writeFileSync(path, ""), /^hooks: it is no folder: /m),
  text("files/a.conf", "x\ny {{drover.instance}}\n", /^files\/a\.conf:2: .*instance_id/m),
  text("files/a.conf", "{{ drover.pool }}", /^files\/a\.conf:1: .*without spaces/m),
  text("files/a.conf", "{{Drover.pool}}", /^files\/a\.conf:1: /m),
  text("files/a.conf", "\n{{drover.pool\n}}", /^files\/a\.conf:2: /m),
  text("files/a.conf", "{{drover}}", /^files\/a\.conf:1: /m),
  text("files/a.conf", "{{drover.secret.gone}}", /^files\/a\.conf:1: .*no secret gone/m),
  text("files/a.bin", "\0{{drover.pool}}", /^files\/a\.bin: .*no text/m),
  text("files/a.yaml", "a: 1\nb: [\n", /^files\/a\.yaml:[23]: no valid YAML/m),
  text("files/a.yml", "a: 1\na: 2\n", /^files\/a\.yml:[12]: no valid YAML/m),
  text("files/a.json", '{\n"a": 1,\n}', /^files\/a\.json:3: no valid JSON/m),
  text("files/a.hcl", "a {\n  b = \n}\n", /^files\/a\.hcl:2: no valid HCL/m),
  text("files/a.hcl", "a = {{drover.hostname", /^files\/a\.hcl:1: /m),
  text(
    "files/a.hcl",
    'x = 1\nencrypt = "pUqJrVyVRj5jsiYEkM/tFQYfWyJIv4s3XkvDwy7Cu5s="\n',
    /^files\/a\.hcl:2: .*encrypt looks like a secret/m,
  ),
  text(
    "files/a.conf",
    "\nAKIAIOSFODNN7EXAMPLE\n",
    /^files\/a\.conf:2: .*access key of AWS/m,
    "an access key",
  ),
  text(
    "files/a.pem",
    "-----BEGIN EC PRIVATE KEY-----\n",
    /^files\/a\.pem:1: .*private key/m,
    "a private key",
  ),
  text(
    "hooks/a",
    "TOKEN=398073a8-5091-4d9c-871a-bbbeb030d1f6\n",
    /^hooks\/a:1: .*TOKEN looks/m,
    "a token",
  ),
  text(
    "hooks/a",
    "#!/bin/sh\n",
    /^hooks\/a: bundle\.yaml names no such hook/m,
    "a hook that is not named",
  ),
  text(
    "files/A.conf",
    "",
    /^files\/a\.conf: .*differs from files\/A\.conf in case/m,
    "names that differ in case",
  ),
  text("files/a\nb", "", /^files\/a\\nb: .*control characters/m, "a newline in a name"),
  text("files/a\\b", "", /^files\/a\\b: .*backslashes/m, "a backslash in a name"),
  text("files/a -> b", "", /^files\/a -> b: .*listing/m, "an arrow in a name"),
  text(`files/${"a".repeat(120)}`, "", /too long/, "a long name"),
  text("files/run/x", "", /^files\/run: .*does not last/m, "a path in memory"),
  text(
    "files/etc/drover/key.pem",
    "",
    /^files\/etc\/drover\/key\.pem: .*Drover's own/m,
    "Drover's own path",
  ),
  {
    name: "a set-uid file",
    make: () => write("files/su", "", 0o4755),
    told: /^files\/su: it is set-uid/m,
  },
  {
    name: "a pipe",
    make: () => execFileSync("mkfifo", [join(folder, "files/pipe")]),
    told: /^files\/pipe: it is a device, pipe or socket/m,
  },
  ...["/etc/passwd", "../../x", "loop", "b/../../c", "out"].map((target): Fault => ({
    name: `a link to ${target}`,
    make: () => {
      if (target === "out") symlinkSync("..", join(folder, "files/out"));
      symlinkSync(target === "out" ? "out/x" : target, join(folder, "files/loop"));
    },
    told: /^files\/loop: it leads to /m,
  })),
  ...(
    [
      ["architectures: [sparc]", /^bundle\.yaml:1: architectures entry 1: has to be amd64/m],
      ["architectures: [amd64]\nserves: []", /^bundle\.yaml:\d: .*serves/m],
      ["architectures: [amd64]\nfiles: *none", /^bundle\.yaml: an alias of it has no anchor/m],
      ["architectures: [&a sparc]\nfiles: [*a]", /^bundle\.yaml:1: architectures/m],
      ["- architectures", /^bundle\.yaml:1: /m],
      ["architectures: [amd64]\n  x: [", /^bundle\.yaml:\d: /m],
      [
        "architectures: [amd64]\nfiles:\n  - path: /none",
        /^bundle\.yaml:3: \/none matches nothing/m,
      ],
      [
        "architectures: [amd64]\nfiles:\n  - path: /a.conf\n    mode: 644",
        /^bundle\.yaml:4: .*in quotes/m,
      ],
      [
        "architectures: [amd64]\nfiles:\n  - path: /a.conf\n    mode: '4755'",
        /^bundle\.yaml:4: .*set-uid/m,
      ],
      ["architectures: [amd64]\nfiles:\n  - path: /etc/../a.conf", /^bundle\.yaml:3: .*without/m],
      [
        "architectures: [amd64]\nbinaries:\n  - path: /bin/x\n    amd64: {source: https://a.b/x}",
        /^bundle\.yaml:4: .*sha256/m,
      ],
      [
        `architectures: [amd64]\nbinaries:\n  - path: /bin/x\n    arm64: {source: https://a.b/x, sha256: ${digest}}`,
        /^bundle\.yaml:3: .*has no amd64/m,
      ],
      [
        `architectures: [amd64]\nbinaries:\n  - path: /bin/x\n    amd64: {source: https://a.b/x-arm64, sha256: ${digest}}`,
        /^bundle\.yaml:4: .*for arm64/m,
      ],
      [
        `architectures: [amd64]\nbinaries:\n  - path: /bin/x\n    amd64: {source: http://a.b/x, sha256: ${digest}}`,
        /^bundle\.yaml:4: .*https/m,
      ],
      [
        `architectures: [amd64]\nbinaries:\n  - path: /bin/x\n    amd64: {source: https://a.b/x.zip, sha256: ${digest}}`,
        /^bundle\.yaml:4: .*archive/m,
      ],
      [
        "architectures: [amd64]\nhooks: {before-start: [hooks/none]}",
        /^bundle\.yaml:2: there is no file/m,
      ],
      [
        "architectures: [amd64]\nservices:\n  - name: x\n    watch: [/none/*]",
        /^bundle\.yaml:4: .*matches no file/m,
      ],
      [
        "architectures: [amd64]\nservices: [{name: x}, {name: x}]",
        /^bundle\.yaml:2: x is there twice/m,
      ],
    ] as const
  ).map(([content, told]) => text("bundle.yaml", `${content}\n`, told)),
];

const makeGood = (): void => {
  write("bundle.yaml", "architectures: [amd64]\n");
  write("files/a.conf", "plain\n");
};

describe("drover publish --dry-run", () => {
  it("takes the example, and says the same of it in a document", async () => {
    const { code, out, error } = await dryRun(example, "--json");
    assert.equal(error, "");
    assert.equal(code, 0);
    const summary = JSON.parse(out) as Record<string, unknown>;
    assert.deepEqual(Object.keys(summary), [
      "pool",
      "bundle",
      "bytes",
      "files",
      "binaries",
      "secrets",
    ]);
    assert.match(String(summary["bundle"]), /^[0-9a-f]{64}$/);
    assert.equal(summary["secrets"], 3);
    assert.ok((await dryRun(example)).out.includes(String(summary["bundle"])));
  });

  for (const { name, make, told } of faults) {
    it(`refuses ${name}`, async () => {
      makeGood();
      assert.equal((await dryRun(folder)).code, 0);
      make();
      const { code, out, error } = await dryRun(folder);
      assert.equal(code, 1, out);
      assert.equal(out, "");
      assert.match(error, told);
    });
  }

  it("tells all faults of a source at once, without the secrets", async () => {
    makeGood();
    const value = "pUqJrVyVRj5jsiYEkM/tFQYfWyJIv4s3XkvDwy7Cu5s=";
    write("bundle.yaml", "architectures: [amd64]\nserves: []\n");
    write("files/a.hcl", `encrypt = "${value}"\n`);
    write("files/b.json", `{"password": "${value}`);
    write("files/c.conf", "{{drover.x}}");
    const { error } = await dryRun(folder);
    for (const told of [
      /^bundle\.yaml:/m,
      /^files\/a\.hcl:1/m,
      /^files\/b\.json:1/m,
      /^files\/c\.conf:1/m,
    ])
      assert.match(error, told);
    assert.doesNotMatch(error, new RegExp(value.slice(0, 10)));
  });

  it("checks what is right of a description with faults, and tells nothing that only follows", async () => {
    write("files/a.conf", "{{drover.secret.nope}} {{drover.secret.tls}}\n");
    write("files/b.conf", "");
    symlinkSync("/etc/shadow", join(folder, "files/link"));
    const description = (id: string): string =>
      [
        "architectures: [amd64]",
        "secrets:",
        `  - {name: tls, from: ssm, id: ${id}}`,
        "files:",
        "  - {path: b.conf}",
        "  - {path: /none}",
        "services:",
        "  - name: x",
        "    on_change: restart",
        "    runlevels: [default]",
        "    watch: [/gone, /run/drover/secrets/tls]",
        "binaries:",
        `  - {path: /bin/x, amd64: {source: https://a.b/x, sha256: ${digest.slice(1)}}}`,
        "hooks:",
        "  before-switch: [x, hooks/gone]",
      ].join("\n");
    const places = async (): Promise<string[]> => {
      const { error } = await dryRun(folder);
      return [...error.matchAll(/^((?:bundle|files).*?): /gm)].map(([, place = ""]) => place);
    };
    const lines = [5, 6, 9, 10, 13, 15, 15].map((line) => `bundle.yaml:${line}`);
    write("bundle.yaml", description("tls"));
    assert.deepEqual(await places(), [...lines, "files/a.conf:1", "files/link"]);
    // Which secrets there are is not known now.
    write("bundle.yaml", description("'a b'"));
    assert.deepEqual(await places(), ["bundle.yaml:3", ...lines, "files/link"]);
  });

  it("lets a line pass that somebody has looked at", async () => {
    makeGood();
    write(
      "files/a.hcl",
      'encrypt = "pUqJrVyVRj5jsiYEkM/tFQYfWyJIv4s3XkvDwy7Cu5s=" # drover:not-a-secret\n',
    );
    write("files/b.json", '{\n"password": "pUqJrVyVRj5jsiYEkM/tFQ"\n}');
    write("bundle.yaml", "architectures: [amd64]\nfiles: [{path: /b.json, not-secrets: [2]}]\n");
    assert.equal((await dryRun(folder)).error, "");
  });

  it("lets the templates of others pass, and the syntax of Consul's and Nomad's settings", async () => {
    makeGood();
    write(
      "files/a.hcl",
      'bind = "{{ GetInterfaceIP \\"eth0\\" }}"\nmeta {\n  "a.b" = "${attr.x}"\n}\n',
    );
    write("files/b.json", '{"port": {{drover.serial}}, "t": "{{ key \\"a\\" }} {{!drover.x}}"}');
    write("files/c.yaml", "{{ key }}: [\n");
    write("bundle.yaml", "architectures: [amd64]\nfiles: [{path: /c.yaml, syntax: none}]\n");
    assert.equal((await dryRun(folder)).error, "");
  });

  it("finds what is wrong far down in a file, on its line", async () => {
    makeGood();
    const lines = Array.from({ length: 40_000 }, (_, index) => `line ${index} of a long file`);
    lines[29_999] = "{{drover.wrong}}";
    lines[34_999] = "AKIAIOSFODNN7EXAMPLE";
    write("files/long.conf", lines.slice(0, 36_000).join("\n"));
    write("files/long.json", `[\n${"1,\n".repeat(100_000)}\n]`);
    const { error } = await dryRun(folder);
    assert.match(error, /^files\/long\.conf:30000: /m);
    assert.match(error, /^files\/long\.conf:35000: /m);
    assert.match(error, /^files\/long\.json:10000[23]: /m);
    // What is too large for a machine to render is refused.
    write("files/long.conf", `{{drover.pool}}\n${"line\n".repeat(250_000)}`);
    assert.match((await dryRun(folder)).error, /^files\/long\.conf:1: .*are rendered/m);
  });

  it("gives the same digest at any place, time, umask, and in any order of files", () => {
    const copy = join(folder, "copy");
    const digestOf = (source: string, environment: Record<string, string>, umask: string): string =>
      spawnSync(
        "sh",
        [
          "-c",
          `umask ${umask}; exec "$@"`,
          "sh",
          process.execPath,
          join(root, "cli", "drover.ts"),
          "publish",
          source,
          "--pool",
          "workers",
          "--dry-run",
          "--json",
        ],
        { encoding: "utf8", env: { PATH: process.env["PATH"], ...environment } },
      ).stdout;
    const first = digestOf(example, { TZ: "UTC", LC_ALL: "C" }, "022");
    assert.match(first, /"bundle":"[0-9a-f]{64}"/);
    for (const path of ["hooks", "files/etc/unbound", "files/etc/conf.d", "files", "bundle.yaml"]) {
      cpSync(join(example, path), join(copy, path), { recursive: true });
      utimesSync(join(copy, path), 1, 1);
    }
    execFileSync("chmod", ["-R", "go-rwx", copy]);
    assert.equal(digestOf(copy, { TZ: "Pacific/Auckland", LC_ALL: "C.UTF-8" }, "077"), first);
  });

  it("asks for what it needs", async () => {
    makeGood();
    for (const args of [
      [folder, "--pool", "no/pool", "--dry-run"],
      [join(folder, "none"), "--pool", "workers", "--dry-run"],
      [folder, "--dry-run"],
    ]) {
      assert.equal((await publish(...args)).code, 2, args.join(" "));
    }
  });
});
