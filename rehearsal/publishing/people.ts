import { SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import type { HttpHandler, HttpRequest } from "@smithy/protocol-http";
import { publishMachineName } from "../../infra/names.ts";
import { type BundleDesk, openDesk } from "../../lambdas/config/bundle-desk.ts";
import { bundlePlaceParameter, parseBundlePlace } from "../../lambdas/config/bundle-place.ts";
import type { Execution } from "../emulators/step-functions.ts";
import type { Template } from "../engine/intrinsics.ts";
import { account, region, type World } from "../world.ts";

export const cluster = "default";

/** The process of a publisher has ended: nothing that it would have done comes any more. */
export class PublisherDied extends Error {
  override readonly name = "PublisherDied";
}

/** What becomes of one call of a publisher, counted from the first of its process. */
export interface Mishap {
  readonly call: number;
  /** It dies before the call arrives, or after it was carried out; or only the answer is lost. */
  readonly how: "dies before" | "dies after" | "loses the answer";
}

const policyOf = (template: Template, who: string): string => {
  const found = Object.entries(template.Resources).find(
    ([, { Type, Properties }]) =>
      Type === "AWS::IAM::ManagedPolicy" &&
      JSON.stringify(Properties?.["ManagedPolicyName"]).includes(`-bundle-${who}-`),
  );
  if (found === undefined) throw new Error(`the template has no policy of the ${who}`);
  return found[0];
};

/** AWS as somebody with one of the template's policies meets it. */
const awsAs = (world: World, template: Template, role: string, person: string): HttpHandler =>
  world.awsOf({
    name: role,
    grantedBy: policyOf(template, role),
    userId: `AROA${role.toUpperCase()}:${person}`,
  });

const mortal = (aws: HttpHandler, mishap: Mishap | undefined): HttpHandler => {
  let calls = 0;
  let isDead = false;
  return {
    ...(aws.metadata && { metadata: aws.metadata }),
    destroy: () => aws.destroy?.(),
    updateHttpClientConfig: (key, value) => aws.updateHttpClientConfig(key, value),
    httpHandlerConfigs: () => aws.httpHandlerConfigs(),
    handle: async (request: HttpRequest, options) => {
      calls += 1;
      const isStruck = calls === mishap?.call;
      const dies = mishap?.how !== "loses the answer";
      isDead ||= isStruck && dies && mishap.how === "dies before";
      if (isDead) throw new PublisherDied("the process of the publisher ended");
      const answer = await aws.handle(request, options);
      isDead ||= isStruck && dies;
      if (isDead) throw new PublisherDied("the process of the publisher ended");
      if (isStruck)
        throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET", errno: -104 });
      return answer;
    },
  };
};

/**
 * What somebody works with who publishes from a workplace: a new process, which reads where the
 * bundles are.
 */
export const openPublisherDesk = async (
  world: World,
  template: Template,
  person: string,
  mishap?: Mishap,
): Promise<BundleDesk> => {
  const requestHandler = mortal(awsAs(world, template, "publisher", person), mishap);
  const options = { region, maxAttempts: 5, requestHandler };
  const Name = bundlePlaceParameter(cluster);
  const { Parameter } = await new SSMClient(options).send(new GetParameterCommand({ Name }));
  const place = parseBundlePlace(Parameter?.Value ?? "");
  if (place === undefined) throw new Error(`${Name} does not say where the bundles are`);
  return openDesk(options, place, world.clock);
};

/** Somebody who moves channels by the state machine `publish-bundle`. */
export const createOperator = (world: World, template: Template, person: string) => {
  const client = new SFNClient({
    region,
    maxAttempts: 5,
    requestHandler: awsAs(world, template, "operator", person),
  });
  const stateMachineArn = `arn:aws:states:${region}:${account}:stateMachine:${publishMachineName(cluster)}`;
  let orders = 0;
  return {
    /** @returns the execution when it is over */
    order: async (input: Readonly<Record<string, unknown>>): Promise<Execution> => {
      orders += 1;
      const { executionArn } = await client.send(
        new StartExecutionCommand({
          stateMachineArn,
          name: `by-${person}-${orders}`,
          input: JSON.stringify(input),
        }),
      );
      for (;;) {
        const run = world.stepFunctions
          .executions()
          .find((each) => each.executionArn === executionArn);
        if (run !== undefined && run.status !== "RUNNING") return run;
        await world.clock.sleep(1000);
      }
    },
  };
};
