import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { App, type Stack } from "aws-cdk-lib";
import type { AutoScalingGroup } from "aws-cdk-lib/aws-autoscaling";
import { MachineImage, LaunchTemplate, InstanceType } from "aws-cdk-lib/aws-ec2";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { run } from "../../cli/run.ts";
import { BundleStore } from "../../infra/bundle-store.ts";
import { ConfigBundle, type ConfigBundleProps } from "../../infra/config-bundle.ts";
import {
  messageOf,
  newApp,
  newDrover,
  newGroup,
  newStack,
  noCode,
  resourcesOf,
  resourcesOfType,
} from "./apps.ts";

const folder = mkdtempSync(join(tmpdir(), "drover-config-bundle-"));
after(() => rmSync(folder, { recursive: true }));
const source = join(folder, "pool");
const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
};

const newStore = (stack: Stack): BundleStore => new BundleStore(stack, "Store", { code: noCode });
const newBundle = (
  stack: Stack,
  props: Partial<ConfigBundleProps> = {},
  id = "Bundle",
): ConfigBundle =>
  new ConfigBundle(stack, id, {
    store: props.store ?? newStore(stack),
    pool: "workers",
    source,
    code: noCode,
    ...props,
  });

const drover = async (...args: readonly string[]) => {
  let out = "";
  let error = "";
  await run(
    args,
    { out: (text) => (out += text), error: (text) => (error += text) },
    { clock: { now: Date.now, sleep: () => assert.fail() } },
  );
  return { out, error };
};

const idsOf = (stack: Stack, type: string, name = ""): string[] =>
  Object.entries(resourcesOf(stack))
    .filter(([id, { Type }]) => Type === type && id.startsWith(name))
    .map(([id]) => id);

let stack: Stack;
let bundle: ConfigBundle;
before(() => {
  write("pool/bundle.yaml", "architectures: [amd64]\n");
  write("pool/files/etc/motd", "hello\n");
  stack = newStack();
  bundle = newBundle(stack);
});
const published = () => {
  const [resource, ...others] = resourcesOfType(stack, "Custom::DroverConfigBundle");
  assert.equal(others.length, 0);
  return resource ?? assert.fail();
};

describe("a bundle of an app", () => {
  it("is the bundle that the command line makes of the source", async () => {
    const dry = await drover("publish", source, "--pool", "workers", "--dry-run", "--json");
    assert.equal(bundle.sha256, (JSON.parse(dry.out) as { readonly bundle: string }).bundle);
    const { Pool, Sha256, Promote, Revision } = published().Properties;
    assert.deepEqual(
      [Pool, Sha256, Promote, Revision],
      ["workers", bundle.sha256, "false", undefined],
    );
  });

  it("is packed by the oldest Node.js that CDK runs on, too", () => {
    const printed = execFileSync(
      process.execPath,
      [
        "--import=data:text/javascript,delete ArrayBuffer.prototype.transfer",
        join(import.meta.dirname, "../../infra/bundle/pack-source.ts"),
        source,
        "workers",
        join(folder, "old.tar.gz"),
      ],
      { encoding: "utf8" },
    );
    assert.deepEqual(JSON.parse(printed), { sha256: bundle.sha256 });
  });

  it("has its archive among the assets of the deployment", () => {
    const { artifactId } = stack;
    const { outdir } = stack.node.root as App;
    resourcesOf(stack);
    const { files } = JSON.parse(
      readFileSync(join(outdir, `${artifactId}.assets.json`), "utf8"),
    ) as {
      readonly files: Readonly<
        Record<
          string,
          {
            readonly source: { readonly path: string };
            readonly destinations: Readonly<Record<string, { readonly objectKey: string }>>;
          }
        >
      >;
    };
    const asset = Object.values(files).find(({ source: { path } }) => path.endsWith(".tar.gz"));
    const tar = gunzipSync(readFileSync(join(outdir, asset?.source.path ?? "")));
    assert.equal(createHash("sha256").update(tar).digest("hex"), bundle.sha256);
    const [destination] = Object.values(asset?.destinations ?? {});
    assert.equal(published().Properties["ArchiveKey"], destination?.objectKey);
  });

  it("changes the template only when its source does", () => {
    const copy = join(folder, "copy");
    cpSync(source, copy, { recursive: true });
    const same = newStack();
    newBundle(same, { source: copy });
    assert.deepEqual(resourcesOf(same), resourcesOf(stack));
    write("copy/files/etc/motd", "good evening\n");
    const other = newStack();
    newBundle(other, { source: copy });
    assert.notDeepEqual(resourcesOf(other), resourcesOf(stack));
  });

  it("names the commit of its source", () => {
    const own = newStack();
    newBundle(own, { source: join(import.meta.dirname, "../../examples/pool") });
    const [resource] = resourcesOfType(own, "Custom::DroverConfigBundle");
    assert.match(String(resource?.Properties["Revision"]), /^[0-9a-f]{12}(-dirty)?$/);
  });

  it("is published when the bucket refuses what it has to refuse", () => {
    const [policy] = idsOf(stack, "AWS::S3::BucketPolicy", "Store");
    assert.ok(published().DependsOn?.includes(policy ?? "none"));
  });

  it("is there for who synthesizes without staging", () => {
    const app = new App({
      analyticsReporting: false,
      treeMetadata: false,
      builtinCloudFormationValidation: false,
      context: { "aws:cdk:disable-asset-staging": true },
    });
    const unstaged = newStack(app);
    newBundle(unstaged);
    const manifest = readFileSync(
      join(app.synth().directory, `${unstaged.artifactId}.assets.json`),
      "utf8",
    );
    const [, path = ""] = /"path": "(.*\.tar\.gz)"/.exec(manifest) ?? [];
    assert.ok(gunzipSync(readFileSync(path)).length > 0);
    rmSync(dirname(path), { recursive: true });
  });
});

describe("the machines of a pool", () => {
  /** A pool that boots from the store of its app. */
  const withGroup = (
    make: (stack: Stack, manage: () => AutoScalingGroup, store: BundleStore) => void,
  ) => {
    const own = newStack();
    const store = newStore(own);
    make(
      own,
      () => {
        const group = newGroup(own, "Workers", {
          launchTemplate: new LaunchTemplate(own, "Machine", {
            machineImage: MachineImage.latestAmazonLinux2023(),
            instanceType: new InstanceType("t3.micro"),
            role: new Role(own, "Machines", {
              assumedBy: new ServicePrincipal("ec2.amazonaws.com"),
            }),
          }),
        });
        newDrover(own).manage(group, { pool: "workers", bundles: { store } });
        return group;
      },
      store,
    );
    const [group] = resourcesOfType(own, "AWS::AutoScaling::AutoScalingGroup");
    const [id] = idsOf(own, "Custom::DroverConfigBundle");
    return group?.DependsOn?.includes(id ?? "none") ?? false;
  };

  it("start when what they are to boot from is the current bundle", () => {
    const isAfter = withGroup((own, manage, store) => {
      newBundle(own, { store, promote: true });
      manage();
    });
    assert.ok(isAfter);
  });

  it("do so wherever in the app the bundle is", () => {
    const isAfter = withGroup((own, manage, store) => {
      manage();
      newBundle(own, { store, promote: true });
    });
    assert.ok(isAfter);
  });

  it("may come before a stack that has their bundle alone", () => {
    let other: Stack | undefined;
    withGroup((own, manage, store) => {
      manage();
      other = newStack(own.node.root as App, "Other");
      newBundle(other, { store, promote: true });
    });
    assert.ok(other);
    assert.equal(resourcesOfType(other, "Custom::DroverConfigBundle").length, 1);
    assert.deepEqual(
      other.dependencies.map(({ node }) => node.id),
      ["Test"],
    );
  });

  it("wait for no candidate, and for no bundle of another pool", () => {
    const isAfter = withGroup((own, manage, store) => {
      newBundle(own, { store });
      newBundle(own, { store, pool: "batch", promote: true }, "Other");
      manage();
    });
    assert.ok(!isAfter);
  });
});

describe("what is not right with a bundle of an app", () => {
  it("is told at once", () => {
    const message = messageOf(() =>
      newBundle(newStack(), { pool: "my pool", source: join(folder, "nowhere") }),
    );
    assert.match(message, /^ConfigBundle Test\/Bundle is not right:\n/);
    assert.match(message, /- pool: "my pool": give at most 63/);
    assert.match(message, /- source: ".*nowhere": give the folder in which bundle.yaml and files/);
  });

  it("is all that is wrong with its source, in the words of the command line", async () => {
    write("faulty/bundle.yaml", "architectures: [amd64]\n");
    write("faulty/files/etc/bad.json", "{");
    write("faulty/files/etc/motd", "{{drover.nothing}}\n");
    const faulty = join(folder, "faulty");
    const { error } = await drover("publish", faulty, "--pool", "workers", "--dry-run");
    assert.match(error, /has 2 faults/);
    assert.equal(
      `${messageOf(() => newBundle(newStack(), { source: faulty }))}\n`,
      error.replace("drover: ", "ConfigBundle Test/Bundle: "),
    );
  });

  it("is another one for the same pool of the same store", () => {
    const own = newStack(newApp());
    const store = newStore(own);
    newBundle(own, { store });
    assert.match(
      messageOf(() => newBundle(own, { store }, "Second")),
      /- pool: "workers": Test\/Bundle is published to this pool of Test\/Store already/,
    );
    newBundle(own, { store: new BundleStore(own, "Eu", { cluster: "eu", code: noCode }) }, "Third");
  });
});
