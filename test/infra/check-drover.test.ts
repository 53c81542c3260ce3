import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { App, SecretValue, Stack, Stage } from "aws-cdk-lib";
import type { DroverProps } from "../../infra/drover-props.ts";
import { SubnetType, Vpc } from "aws-cdk-lib/aws-ec2";
import { existingSecret, existingVpc, messageOf, newDrover, newStack, nomad } from "./apps.ts";

/** What somebody gets past the compiler: from JavaScript, or by force. */
const forced = (value: unknown): never => value as never;

const refusal = (props: Partial<DroverProps>): string =>
  messageOf(() => newDrover(newStack(), props));

describe("the properties of a Drover", () => {
  it("are accepted when they are right", () => {
    const stack = newStack();
    const token = existingSecret(stack, "token");
    newDrover(stack, {
      cluster: "eu-1",
      nomad: {
        ...nomad,
        region: "eu",
        token,
        tls: { ca: token, clientCertificate: token, clientKey: token },
      },
      consul: { address: "https://consul.internal:8501/", datacenter: "eu-1", token },
      slots: 3,
    });
  });

  for (const cluster of ["", "EU", "-eu", "eu-", "eu west", "eu/west", "x".repeat(25)]) {
    it(`refuse the cluster ${JSON.stringify(cluster)}`, () => {
      const message = refusal({ cluster });
      assert.ok(message.includes(`cluster: ${JSON.stringify(cluster)}: give at most 24`), message);
    });
  }

  for (const [address, remedy] of [
    ["nomad.internal:4646", 'give a URL such as "https://nomad.internal:4646"'],
    ["nomad", 'give a URL such as "https://nomad.internal:4646"'],
    ["ftp://nomad.internal", 'give a URL such as "https://nomad.internal:4646"'],
    ["http://nomad.internal:4646", "set allowHttp: true beside it"],
    ["https://nomad.internal:4646/v1", 'without a path, as "https://nomad.internal:4646"'],
    ["https://nomad.internal:4646?region=eu", 'without a path, as "https://nomad.internal:4646"'],
  ] as const) {
    it(`refuse the address ${address}`, () => {
      const message = refusal({ nomad: { address } });
      assert.ok(message.includes(`nomad.address: ${JSON.stringify(address)}: `), message);
      assert.ok(message.includes(remedy), message);
    });
  }

  it("allow an address with http when that is said", () => {
    newDrover(newStack(), { nomad: { address: "http://127.0.0.1:4646", allowHttp: true } });
  });

  it("refuse an address with a password, and do not show it", () => {
    const message = refusal({ nomad: { address: "https://me:hunter2@nomad.internal" } });
    assert.match(message, /nomad\.address: it holds a user or a password \(not shown here\)/);
    assert.ok(!message.includes("hunter2"));
  });

  for (const [kind, token] of [
    ["a text", "b8d1c4a0-secret"],
    ["a secret value", SecretValue.unsafePlainText("b8d1c4a0-secret")],
  ] as const) {
    it(`refuse ${kind} as a token, and do not show it`, () => {
      const message = refusal({ nomad: { ...nomad, token: forced(token) } });
      assert.match(message, /nomad\.token: it is .*AWS Secrets Manager.*Secret\.fromSecretNameV2/);
      assert.ok(!message.includes("b8d1c4a0"));
    });
  }

  it("refuse a client certificate without its key, and a key as text", () => {
    const stack = newStack();
    const clientCertificate = existingSecret(stack, "certificate");
    const message = messageOf(() =>
      newDrover(stack, {
        nomad: { ...nomad, tls: { clientCertificate } },
        consul: {
          address: "https://consul.internal:8501",
          tls: { clientCertificate, clientKey: forced("-----BEGIN") },
        },
      }),
    );
    assert.match(message, /nomad\.tls\.clientKey: it is left out/);
    assert.match(message, /consul\.tls\.clientKey: it is a text \(not shown here\)/);
    assert.ok(!message.includes("-----BEGIN"));
  });

  for (const slots of [0, -1, 1.5, 101, Number.NaN]) {
    it(`refuse ${slots} slots`, () => {
      assert.match(refusal({ slots }), /slots: .*: give a whole number between 1 and 100/);
    });
  }

  it("refuse a region or a datacenter that is none", () => {
    const message = refusal({
      nomad: { ...nomad, region: "eu west" },
      consul: { address: "https://consul.internal", datacenter: "" },
    });
    assert.match(message, /nomad\.region: "eu west": give the region's name/);
    assert.match(message, /consul\.datacenter: "": give the datacenter's name/);
  });

  it("refuse public subnets, and subnets that there are not", () => {
    const stack = newStack();
    const vpc = new Vpc(stack, "Network", { natGateways: 0 });
    const refused = (subnetType: SubnetType) =>
      messageOf(() => newDrover(stack, { vpc, vpcSubnets: { subnetType } }, subnetType));
    assert.match(
      refused(SubnetType.PUBLIC),
      /vpcSubnets: "Public": these are public, .* give private ones/,
    );
    const bySubnet = messageOf(() =>
      newDrover(stack, { vpc, vpcSubnets: { subnets: vpc.publicSubnets } }, "BySubnet"),
    );
    assert.match(bySubnet, /vpcSubnets: these are public/);
    assert.match(
      refused(SubnetType.PRIVATE_WITH_EGRESS),
      /vpcSubnets: There are no 'Private' subnet.*: give private subnets of this VPC/,
    );
  });

  it("are refused all at once, in one message", () => {
    const stack = newStack();
    const message = messageOf(() =>
      newDrover(stack, {
        cluster: "EU",
        slots: 0,
        nomad: { address: "http://nomad", token: forced("text") },
        consul: { address: "consul" },
        securityGroups: [],
      }),
    );
    assert.match(message, /^Drover Test\/Drover is not right:\n/);
    const named = [...message.matchAll(/^ {2}- ([\w.]+): /gm)].map(([, name]) => name);
    assert.deepEqual(named, [
      "cluster",
      "slots",
      "securityGroups",
      "nomad.address",
      "nomad.token",
      "consul.address",
    ]);
  });

  it("are refused when the required ones are missing", () => {
    const stack = newStack();
    const message = messageOf(() =>
      newDrover(stack, { nomad: forced(undefined), vpc: forced(null) }),
    );
    assert.match(message, /vpc: null: give the VPC/);
    assert.match(message, /nomad: give at least \{ address/);
  });
});

describe("the name of a cluster", () => {
  const drover = (stack: Stack, cluster?: string) =>
    newDrover(
      stack,
      { ...(cluster && { cluster }), vpc: existingVpc(stack, `Vpc${cluster}`) },
      `Drover-${cluster}`,
    );

  it("can be given once in a stack", () => {
    const stack = newStack();
    drover(stack, "one");
    drover(stack, "two");
    const again = () =>
      newDrover(stack, { cluster: "one", vpc: existingVpc(stack, "Other") }, "Again");
    assert.match(messageOf(again), /cluster: "one": Test\/Drover-one is this cluster already/);
  });

  it("can be given once in an account and region", () => {
    const app = new App();
    const env = { account: "111122223333", region: "eu-central-1" };
    drover(new Stack(app, "One", { env }), "eu");
    assert.match(
      messageOf(() => drover(new Stack(app, "Two", { env }), "eu")),
      /cluster: "eu": One\/Drover-eu is this cluster already/,
    );
    drover(new Stack(app, "Three", { env: { ...env, region: "us-east-1" } }), "eu");
  });

  it("can be given once in each stage of an app", () => {
    const app = new App();
    for (const name of ["Beta", "Production"]) drover(new Stack(new Stage(app, name), "Nomad"));
  });
});

describe("what is not a problem", () => {
  it("is a value that only CloudFormation knows", () => {
    const stack = newStack();
    const token = existingSecret(stack, "token");
    newDrover(stack, { nomad: { address: `https://nomad.${stack.region}.internal:4646`, token } });
  });
});
