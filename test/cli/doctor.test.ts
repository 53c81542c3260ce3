import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { afterEach, describe, it } from "node:test";
import { HttpResponse } from "@smithy/protocol-http";
import { run } from "../../cli/run.ts";
import { clusterTag, holdTag, poolTag } from "../../lambdas/retire/hook-names.ts";
import { systemClock } from "../../lambdas/runtime/clock.ts";
import type { Finding } from "../../lambdas/watch/findings.ts";
import { assertFinding, assertOthersFine, only } from "../lambdas/watch/findings.ts";
import { terminating } from "../../rehearsal/emulators/auto-scaling/state.ts";
import { isolateSdk } from "../../rehearsal/world/sdk-environment.ts";
import { account, region } from "../../rehearsal/world.ts";
import { type DoctorWorld, type DoctorWorldOptions, raiseDoctorWorld } from "./doctor-world.ts";

let raised: DoctorWorld | undefined;
const raise = async (options?: DoctorWorldOptions): Promise<DoctorWorld> => {
  raised = await raiseDoctorWorld({ size: 1, ...options });
  return raised;
};
afterEach(() => {
  raised?.end();
  raised = undefined;
});

/** The command line with nothing but an answer of AWS. */
const alone = async (answer: () => { response: HttpResponse }) => {
  const putBack = isolateSdk();
  let out = "";
  let error = "";
  const code = await run(
    ["doctor", "--region", region, "--json"],
    { out: (text) => (out += text), error: (text) => (error += text) },
    {
      clock: systemClock,
      awsHandler: {
        handle: async () => answer(),
        updateHttpClientConfig: () => undefined,
        httpHandlerConfigs: () => ({}),
      },
    },
  );
  putBack();
  return { code, out, error };
};

const healthyChecks = [
  "stop",
  "groups",
  "nomad-secrets",
  "nomad-connection",
  "nomad-token",
  "nomad-servers",
  "nomad-waiting",
  "nodes",
  "consul-secrets",
  "consul-connection",
  "consul-token",
  "members",
];

describe("drover doctor", () => {
  it("finds a healthy deployment right in every check, and says so to a person", async () => {
    const { drover, world } = await raise({ size: 5 });
    const { code, out, error } = await drover("doctor", "--region", region);
    assert.equal(error, "");
    assert.equal(code, 0, out);
    for (const check of healthyChecks) assert.match(out, new RegExp(`^ {2}${check} `, "m"));
    assert.doesNotMatch(out, /^(Errors|Warnings)$/m);
    assert.match(out, /\nAll 12 checks are fine\.\n$/);
    // A person who waits for a minute is told that it goes on.
    assert.match(out, /^started arn:aws:states:.*:drover-default-doctor:/);
    assert.match(out, /\n\d\d s: it still looks/);
    // Three instances of five.
    const instances = new Set(out.match(/i-[0-9a-f]{17}/g));
    assert.equal(instances.size, 3);
    const known = new Set(world.autoScaling.instances().map(({ id }) => id));
    for (const id of instances) assert.ok(known.has(id));
  });

  it("prints one document with --json, the same one every time", async () => {
    const { drover } = await raise();
    const first = await drover("doctor", "--region", region, "--json");
    assert.equal(first.code, 0, first.out);
    const report = JSON.parse(first.out);
    assert.deepEqual([report.errors, report.warnings], [0, 0]);
    assert.deepEqual(
      report.findings.map(({ check }: Finding) => check),
      healthyChecks,
    );
    for (const found of report.findings)
      assert.deepEqual(Object.keys(found).sort(), [
        "check",
        "remedy",
        "severity",
        "subject",
        "what",
      ]);
    assert.equal((await drover("doctor", "--region", region, "--json")).out, first.out);
  });

  it("changes nothing", async () => {
    const { drover, park, world } = await raise();
    const before = await raised?.pace.await(park.look());
    const groups = JSON.stringify([...world.autoScaling.instances()].map(({ state }) => state));
    await drover("doctor", "--region", region);
    assert.deepEqual(await raised?.pace.await(park.look()), before);
    assert.equal(
      JSON.stringify([...world.autoScaling.instances()].map(({ state }) => state)),
      groups,
    );
    assert.deepEqual(
      world.ledger.entries.filter(({ task }) => !task.startsWith("watch/")),
      [],
    );
  });

  it("exits with 1 when there are errors, and shows them first with what to do", async () => {
    const { drover, world } = await raise({ group: (group) => ({ ...group, hooks: [] }) });
    world.ssm.put("/drover/default/stop", "stop");
    const { code, out } = await drover("doctor", "--region", region);
    assert.equal(code, 1);
    assert.match(out, /\nErrors\n {2}hook .*\n[\s\S]*\nWarnings\n {2}stop [\s\S]*\nRight\n/);
    assert.match(
      out,
      /→ give it the hook[\s\S]*\n +`aws autoscaling put-lifecycle-hook .*--heartbeat-timeout 1728`\n/,
    );
    assert.match(out, /\n1 error, 1 warning\.\n$/);
  });

  it("exits with 0 when there are warnings alone", async () => {
    const { drover, world } = await raise();
    world.ssm.put("/drover/default/stop", "stop");
    const { code, out } = await drover("doctor", "--region", region);
    assert.equal(code, 0);
    assert.match(out, /\n0 errors, 1 warning\.\n$/);
  });

  it("says what is missing when it cannot begin, with 2", async () => {
    const { drover } = await raise();
    const cases: [string[], RegExp][] = [
      [["--cluster", "eu"], /no state machine drover-eu-doctor in eu-west-1.*--cluster: default/],
      [["--cluster", "Not This"], /--cluster Not This: .*--cluster default/],
      [["--clutser", "eu"], /unknown option '--clutser'[\s\S]*--cluster/],
      [["workers"], /too many arguments/],
    ];
    for (const [args, message] of cases) {
      const { code, out, error } = await drover("doctor", "--region", region, ...args);
      assert.equal(code, 2, args.join(" "));
      assert.equal(out, "");
      assert.match(error, message);
      assert.match(error, /^drover: /);
    }
  });

  it("says that there are no credentials, or that they are not enough", async () => {
    const { drover, world } = await raise();
    delete process.env["AWS_ACCESS_KEY_ID"];
    const none = await drover("doctor", "--region", region);
    process.env["AWS_ACCESS_KEY_ID"] = "AKIADROVERREHEARSALS";
    assert.equal(none.code, 2);
    assert.match(none.error, /^drover: there are no AWS credentials .*AWS_PROFILE/);
    assert.equal(world.stepFunctions.executions().length, 0);
  });

  for (const [title, type, said, message] of [
    [
      "must not",
      "AccessDeniedException",
      "User: x is not authorized",
      /not enough: User: x is not authorized; needed are states:ListStateMachines/,
    ],
    ["are too old", "ExpiredTokenException", "it has expired", /not accepted.*log in again/],
    ["are unknown", "UnrecognizedClientException", "it is invalid", /not accepted.*log in again/],
  ] as const) {
    it(`says of credentials that they ${title}, with 2`, async () => {
      const body = Buffer.from(JSON.stringify({ __type: type, message: said }));
      const { code, out, error } = await alone(() => ({
        response: new HttpResponse({
          statusCode: 400,
          headers: { "content-type": "application/x-amz-json-1.0" },
          body: Readable.from([body], { objectMode: false }),
        }),
      }));
      assert.deepEqual([code, out], [2, ""]);
      assert.match(error, message);
    });
  }

  it("says that AWS is not reached, with 1", async () => {
    const { code, error } = await alone(() => {
      throw Object.assign(new Error("getaddrinfo ENOTFOUND states.eu-west-9.amazonaws.com"), {
        code: "ENOTFOUND",
      });
    });
    assert.equal(code, 1);
    assert.match(error, /^drover: AWS is not reached from here .*ENOTFOUND/);
    assert.doesNotMatch(error, /\n {4}at /);
  });

  it("says that there is no region", async () => {
    const { drover } = await raise();
    const { AWS_REGION } = process.env;
    delete process.env["AWS_REGION"];
    const { code, error } = await drover("doctor");
    if (AWS_REGION !== undefined) process.env["AWS_REGION"] = AWS_REGION;
    assert.equal(code, 2);
    assert.match(error, /there is no region: give --region/);
  });

  it("says where to look when the doctor itself cannot finish, with 1", async () => {
    const { drover, world } = await raise();
    world.containers.setFaults({ concurrency: 0 });
    const { code, out, error } = await drover("doctor", "--region", region, "--json");
    assert.equal(code, 1);
    assert.equal(out, "");
    assert.match(error, /the doctor itself failed .*see the execution arn:aws:states:/);
  });
});

describe("the groups", () => {
  it("without our hook", async () => {
    const { examine } = await raise({ group: (group) => ({ ...group, hooks: [] }) });
    const findings = await examine();
    assertFinding(findings, "hook", "error", /no hook "drover-default\/retire".*undrained/);
    assertOthersFine(findings, "hook");
  });

  it("with a hook that is not as it has to be", async () => {
    const { examine } = await raise({
      group: (group) => ({
        ...group,
        hooks: [
          {
            name: "drover-default/retire",
            transition: terminating,
            heartbeatTimeout: 300,
            defaultResult: "ABANDON",
          },
        ],
      }),
    });
    const findings = await examine();
    const hooks = findings.filter(({ check }) => check === "hook");
    assert.deepEqual(
      hooks.map(({ severity }) => severity),
      ["warning", "warning"],
    );
    assert.match(hooks[0]?.what ?? "", /default result ABANDON/);
    assert.match(hooks[1]?.what ?? "", /300 s, so it lives for 8.3 hours/);
    assertOthersFine(findings, "hook");
  });

  it("with our hook and without our tags", async () => {
    const { examine } = await raise({ group: (group) => ({ ...group, tags: {} }) });
    const findings = await examine();
    assertFinding(
      findings,
      "tags",
      "error",
      /has the hook "drover-default\/retire" and not the tag drover:cluster=default.*undrained/,
      /create-or-update-tags .*Key=drover:cluster,Value=default.*Key=drover:pool,Value=/,
    );
    assertFinding(findings, "groups", "warning", /no Auto Scaling group has the tag/);
  });

  it("with our hook and the tags of another cluster", async () => {
    const { examine } = await raise({
      group: (group) => ({ ...group, tags: { [clusterTag]: "eu", [poolTag]: "workers" } }),
    });
    const findings = await examine();
    assertFinding(findings, "tags", "error", /drover:cluster=eu, of another cluster/);
  });

  it("of others are left alone", async () => {
    const { examine, world } = await raise();
    world.autoScaling.createGroup({
      name: "theirs",
      hooks: [
        { name: "mine", transition: terminating, heartbeatTimeout: 60, defaultResult: "ABANDON" },
      ],
    });
    world.autoScaling.createGroup({
      name: "of-another-drover",
      tags: { [clusterTag]: "default-2", [poolTag]: "workers" },
      hooks: [
        {
          name: "drover-default-2/retire",
          transition: terminating,
          heartbeatTimeout: 60,
          defaultResult: "ABANDON",
        },
      ],
    });
    assertOthersFine(await examine());
  });

  it("without the tag of a pool", async () => {
    const { examine } = await raise({
      group: (group) => ({ ...group, tags: { [clusterTag]: "default" } }),
    });
    const findings = await examine();
    assertFinding(findings, "tags", "error", /has the tag drover:cluster and not drover:pool/);
  });

  it("whose pool is misspelt in its tag, so that its settings are not used", async () => {
    const { examine } = await raise({
      group: (group) => ({ ...group, tags: { [clusterTag]: "default", [poolTag]: "worker" } }),
    });
    const findings = await examine();
    assertFinding(
      findings,
      "settings",
      "warning",
      /parameter \/drover\/default\/pools\/workers, and no group/,
      /default settings/,
    );
    assert.match(only(findings, "groups").what, /pool worker, .*settings \(the defaults\)/);
    assertOthersFine(findings, "settings");
  });

  it("that is only watched", async () => {
    const { examine } = await raise({
      pools: [{ pool: "workers", maxCapacity: 10, observeOnly: true }],
    });
    assert.match(only(await examine(), "groups").what, /pool workers, observe-only, with 1/);
  });

  it("whose settings do not parse", async () => {
    const { examine, world } = await raise();
    world.ssm.put("/drover/default/pools/workers", `{"drainDeadline": 60, "slots": "many"}`);
    const findings = await examine();
    assertFinding(
      findings,
      "settings",
      "error",
      /drainDeadline: there is no such field.*slots|slots.*drainDeadline: there is no such field/,
      /\/drover\/default\/pools\/workers/,
    );
    assertOthersFine(findings, "settings");
  });

  it("whose settings ask for what its group cannot do", async () => {
    const { examine, world } = await raise();
    const settings = { onDrainFailure: "retain", drainDeadlineSeconds: 169_000, slots: 3 };
    world.ssm.put("/drover/default/pools/workers", JSON.stringify(settings));
    const findings = (await examine()).filter(({ check }) => check === "settings");
    assert.deepEqual(
      findings.map(({ severity }) => severity),
      ["error", "warning"],
    );
    assert.match(findings[0]?.what ?? "", /"retain", and the group .* ends an instance/);
    assert.match(findings[1]?.what ?? "", /3 slots and the whole cluster 1/);
  });

  it("with an instance refresh, and with a suspended Terminate", async () => {
    const { examine, world } = await raise();
    const [group] = world.stack.groups;
    assert.ok(group);
    world.autoScaling.group(group.name).suspended.add("Terminate");
    const findings = await examine();
    assertFinding(findings, "refresh", "warning", /Terminate is suspended/, /resume-processes/);
    assertOthersFine(findings, "refresh");
  });

  it("with an instance that is held", async () => {
    const { examine, world } = await raise();
    const [instance] = world.autoScaling.instances();
    const arn = (id: string) => `arn:aws:ec2:${region}:${account}:instance/${id}`;
    world.tags.put(arn(instance?.id ?? ""), holdTag, "for a look");
    // Of nobody we know.
    world.tags.put(arn("i-0aaaaaaaaaaaaaaaa"), holdTag, "");
    const findings = await examine();
    assertFinding(findings, "hold", "warning", /ends undrained/);
    assert.equal(only(findings, "hold").subject, instance?.id);
    assertOthersFine(findings, "hold");
  });

  it("while all of Drover is stopped", async () => {
    const { examine, world } = await raise();
    world.ssm.put("/drover/default/stop", "stop");
    const findings = await examine();
    assertFinding(findings, "stop", "warning", /holds still/);
    assertOthersFine(findings, "stop");
  });
});
