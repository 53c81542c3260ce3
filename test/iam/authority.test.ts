import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Schedule } from "../../rehearsal/faults/fault.ts";
import type { Template } from "../../rehearsal/engine/intrinsics.ts";
import { appointAuthority, standingAuthority } from "../../rehearsal/world/authorisation.ts";
import { rehearseScaleIn } from "../../rehearsal/scenarios/scale-in.ts";
import { emulatedStage } from "../../rehearsal/scenarios/stages.ts";
import type { World } from "../../rehearsal/world.ts";
import { createAuthority } from "./authority.ts";
import { listOf, type PolicyStatement } from "./read-roles.ts";

/** The template as it would be without one action of a task. */
const without = (template: Template, task: string, action: string): Template => {
  const changed = structuredClone<Template>(template);
  let found = 0;
  for (const { Type, Properties } of Object.values(changed.Resources)) {
    if (Type !== "AWS::IAM::Role" || Properties?.["Description"] !== `Drover's task ${task}`)
      continue;
    for (const { PolicyDocument } of Properties["Policies"] as {
      PolicyDocument: { Statement: PolicyStatement[] };
    }[])
      PolicyDocument.Statement = PolicyDocument.Statement.flatMap((statement) => {
        const left = listOf(statement.Action).filter((each) => each !== action);
        found += listOf(statement.Action).length - left.length;
        return left.length > 0 ? [{ ...statement, Action: left }] : [];
      });
  }
  assert.equal(found, 1, `${task} has ${action}`);
  return changed;
};

/** Rehearses with a changed template before the eyes of IAM, and an own journal. */
const rehearse = async (
  alter: (template: Template) => Template = (template) => template,
  schedule?: Schedule,
) => {
  const denied = new Map<string, string>();
  const used = new Set<string>();
  const before = standingAuthority();
  appointAuthority((view) =>
    createAuthority({
      journal: {
        used: (task, action) => void used.add(`${task} ${action}`),
        denied: (task, message) => void denied.set(task, message),
      },
    })({ ...view, template: alter(view.template) }),
  );
  let world: World | undefined;
  try {
    const { invariants } = await rehearseScaleIn(emulatedStage, {
      nodes: 3,
      terminate: 1,
      jobs: 4,
      seed: 1,
      ...(schedule && { schedule }),
      onReady: (ready) => (world = ready),
    });
    const broken = invariants.filter(({ held }) => !held).map(({ name }) => name);
    return { denied, used, broken, world: world ?? assert.fail() };
  } finally {
    appointAuthority(before);
  }
};

/** The template without the resources, or with other ones, that a name in it says. */
const altering =
  (alter: (resource: { Type: string; Properties?: unknown }, id: string) => boolean) =>
  (template: Template): Template => {
    const changed = structuredClone<Template>(template);
    let found = 0;
    const Resources = Object.fromEntries(
      Object.entries(changed.Resources).filter(([id, resource]) => {
        const stays = alter(resource, id);
        if (!stays) found += 1;
        return stays;
      }),
    );
    assert.equal(found, 1);
    return { ...changed, Resources };
  };

const isPolicyOf = (id: string, part: RegExp): boolean =>
  part.test(id) && /RoleDefaultPolicy/.test(id);

describe("what AWS does in the name of what was deployed", () => {
  test("is allowed, and seen, for each state that calls a function and each rule that hands over", async () => {
    const { denied, used } = await rehearse();
    assert.deepEqual([...denied], []);
    for (const permission of [
      "drover-default-retire-node lambda:InvokeFunction(retire/find-node)",
      "drover-default-retire-node lambda:InvokeFunction(retire/record-retirement)",
      "events.amazonaws.com lambda:InvokeFunction(intake/intake)",
    ])
      assert.ok(used.has(permission), permission);
  });

  test("is denied to a state machine whose role may not invoke", async () => {
    const { denied, broken, world } = await rehearse(
      altering((_, id) => !isPolicyOf(id, /RetireNodeStateMachineRole/)),
    );
    const message = denied.get("drover-default-retire-node") ?? "";
    assert.match(message, /perform: lambda:InvokeFunction on resource: arn:aws:lambda:\S+:\d+ /);
    assert.match(message, /assumed-role\/\S+ is not authorized/);
    assert.ok(broken.includes("every-hook-decided"));
    const errors = [...world.engine.runs.values()].flatMap(({ events }) =>
      events.flatMap(({ error }) => error ?? []),
    );
    assert.ok(errors.includes("Lambda.AWSLambdaException"));
  });

  test("is denied to a rule that the function does not let in, and the event is a dead letter", async () => {
    const { denied, world } = await rehearse(
      altering(({ Type }) => Type !== "AWS::Lambda::Permission"),
    );
    assert.match(
      denied.get("events.amazonaws.com") ?? "",
      /perform: lambda:InvokeFunction .* no resource-based policy allows/,
    );
    assert.ok(world.deadLetters.length > 0);
    assert.equal(world.bus.deliveries.filter(({ outcome }) => outcome === "failed").length, 0);
  });

  test("is denied to a rule whose role may not start the state machine", async () => {
    const { denied } = await rehearse(
      altering((_, id) => !isPolicyOf(id, /ReconcileStateMachineEventsRole/)),
      [{ fault: "lost-events", at: 0, lasts: 180_000, share: 1 }],
    );
    assert.match(
      denied.get("events.amazonaws.com") ?? "",
      /perform: states:StartExecution on resource: \S+:drover-default-reconcile /,
    );
  });
});

describe("an authority", () => {
  test("lets a retirement do all that it does, and sees it", async () => {
    const { denied, used, broken } = await rehearse();
    assert.deepEqual([...denied], []);
    assert.deepEqual(broken, []);
    for (const permission of [
      "intake/intake states:StartExecution",
      "retire/take-slot dynamodb:PutItem",
      "retire/find-node secretsmanager:GetSecretValue",
      "retire/complete-hook autoscaling:CompleteLifecycleAction",
    ])
      assert.ok(used.has(permission), permission);
  });

  test("denies what a policy does not allow, as AWS does, over the Query protocol", async () => {
    const { denied, world } = await rehearse((template) =>
      without(template, "retire/complete-hook", "autoscaling:CompleteLifecycleAction"),
    );
    const message = denied.get("retire/complete-hook") ?? "";
    assert.match(message, /^User: arn:aws:sts::123456789012:assumed-role\/\S+\/\S+ is not auth/);
    assert.match(message, /perform: autoscaling:CompleteLifecycleAction on resource: arn:aws:auto/);
    assert.match(message, /because no identity-based policy allows the autoscaling:Complete/);
    const answers = world.ledger.entries.filter(
      ({ task, operation }) =>
        task === "retire/complete-hook" && operation === "CompleteLifecycleAction",
    );
    assert.ok(answers.length > 0);
    assert.ok(answers.every(({ answer }) => answer === 403));
  });

  test("denies what a policy does not allow, as AWS does, over the JSON protocol", async () => {
    const { denied, world } = await rehearse((template) =>
      without(template, "intake/intake", "states:StartExecution"),
    );
    // The reconciler may save the instance: what was denied is known nevertheless.
    assert.match(denied.get("intake/intake") ?? "", /perform: states:StartExecution/);
    const text = JSON.stringify(world.log);
    assert.match(text, /AccessDeniedException/);
  });

  test("denies a transaction when an action of one of its items is missing", async () => {
    const { denied } = await rehearse((template) =>
      without(template, "retire/take-slot", "dynamodb:PutItem"),
    );
    assert.match(denied.get("retire/take-slot") ?? "", /perform: dynamodb:PutItem/);
  });

  test("denies groups without the tags that the policy wants", async () => {
    const denied: string[] = [];
    const before = standingAuthority();
    appointAuthority((view) => {
      const bare = (name: string) => {
        const group = view.group(name);
        return group && { ...group, tags: { "drover:cluster": "another", "drover:pool": "x" } };
      };
      return createAuthority({
        journal: { used: () => undefined, denied: (_, message) => void denied.push(message) },
      })({ ...view, group: bare });
    });
    try {
      const options = { nodes: 2, terminate: 1, jobs: 2, seed: 1 };
      await rehearseScaleIn(emulatedStage, options);
    } finally {
      appointAuthority(before);
    }
    assert.ok(denied.some((message) => message.includes("autoscaling:CompleteLifecycleAction")));
  });
});
