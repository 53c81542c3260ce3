import type { HttpHandler, HttpRequest } from "@smithy/protocol-http";
import type { AutoScalingEmulator } from "../emulators/auto-scaling/auto-scaling.ts";
import { renderError } from "../emulators/s3/xml.ts";
import type { Template } from "../engine/intrinsics.ts";
import { answerWith, describeCall, toUrl } from "../wire.ts";
import type { Stack } from "./stack.ts";

/** Somebody who calls AWS and is no function: a machine, or a person. */
export interface Principal {
  /** In a few words, such as `machine of workers`. */
  readonly name: string;
  /** Logical id of the role, or of the managed policy, that says what it may do. */
  readonly grantedBy: string;
  /** IAM's `aws:userid`: of a machine its role's id, a colon, and the instance's id. */
  readonly userId: string;
}

/** Who calls AWS: the function of a task, or somebody else. */
export type Caller = string | Principal;

export const nameOfCaller = (caller: Caller): string =>
  typeof caller === "string" ? caller : caller.name;

/** A call of AWS, as far as it matters whether its caller may make it. */
export interface AwsCall {
  readonly caller: Caller;
  /** First label of the host: `autoscaling`, `dynamodb`, … */
  readonly service: string;
  readonly operation: string;
  /** What else says what a call is about, where the body does not. */
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What an account knows that decides about permissions. */
export interface AccountView {
  readonly template: Template;
  readonly stack: Stack;
  readonly region: string;
  readonly account: string;
  /** What `Ref` gives for what was there before the template, by logical id. */
  readonly refs: Readonly<Record<string, string>>;
  /** The group of a name; undefined if there is none. */
  readonly group: (name: string) => GroupView | undefined;
  /** The group of an instance; undefined if there is none. */
  readonly groupOf: (instanceId: string) => GroupView | undefined;
}

export interface GroupView {
  readonly name: string;
  readonly arn: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** What the emulator throws for something that there is not, a policy meets as no tags. */
const orNothing = <T>(find: () => T): T | undefined => {
  try {
    return find();
  } catch {
    return undefined;
  }
};

/** The groups as IAM sees them: by their tags now. */
export const viewGroups = (
  autoScaling: Pick<AutoScalingEmulator, "group" | "instance">,
): Pick<AccountView, "group" | "groupOf"> => {
  const group = (name: string): GroupView | undefined => {
    const found = orNothing(() => autoScaling.group(name));
    if (found === undefined) return undefined;
    const tags = Object.fromEntries([...found.tags].map(([key, { value }]) => [key, value]));
    return { name, arn: found.arn, tags };
  };
  return {
    group,
    groupOf: (instanceId) => {
      const instance = orNothing(() => autoScaling.instance(instanceId));
      return instance && group(instance.group);
    },
  };
};

/** What AWS itself does in the name of what was deployed, and only as far as that may do it. */
export type ServiceCall =
  /** A state machine calls a function, in the version that its definition names. */
  | { readonly kind: "invoke"; readonly stateMachineArn: string; readonly functionArn: string }
  /** A rule hands an event to its target: a function, or a state machine. */
  | { readonly kind: "deliver"; readonly rule: string; readonly targetArn: string }
  /** A rule gives an event up. */
  | { readonly kind: "give up"; readonly rule: string; readonly targetArn: string }
  /** Lambda gives up an event that a function could not handle. */
  | { readonly kind: "fail"; readonly task: string };

/** Says, in the words of AWS, why a call is denied; undefined when it is allowed. */
export interface Authorise {
  (call: AwsCall): string | undefined;
  readonly ofService: (call: ServiceCall) => string | undefined;
  /**
   * Whether somebody may list all of a bucket, by which S3 decides whether to say
   * that there is no such object. That one may not is no denied call.
   */
  readonly mayList: (caller: Caller, bucket: string) => boolean;
}

/** Makes what authorises the calls of one account. */
export type Authority = (account: AccountView) => Authorise;

let standing: Authority | undefined;

/**
 * Has every world of this process from now on ask an authority, unless it is
 * given one of its own. Without any, everything is allowed: to evaluate
 * policies is no part of what a rehearsal shows.
 */
export const appointAuthority = (authority: Authority | undefined): void => {
  standing = authority;
};

export const standingAuthority = (): Authority | undefined => standing;

const queryServices: ReadonlySet<string> = new Set(["autoscaling"]);

const escapeXml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const respond = (status: number, type: string, body: string) => ({
  response: answerWith(status, body, { "content-type": type }),
});

/** The denial in the shape of the service: the Query protocol and S3 have their own. */
const deny = (service: string, message: string) => {
  if (service === "s3")
    return respond(403, "application/xml", renderError({ Code: "AccessDenied", Message: message }));
  return queryServices.has(service)
    ? respond(
        403,
        "text/xml",
        `<ErrorResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>${escapeXml(message)}</Message></Error><RequestId>denied</RequestId></ErrorResponse>`,
      )
    : respond(
        400,
        "application/x-amz-json-1.1",
        // DynamoDB and Step Functions capitalise the field, and the SDK reads both.
        JSON.stringify({ __type: "AccessDeniedException", message }),
      );
};

const textOf = (body: unknown): string => {
  if (typeof body === "string") return body;
  return body instanceof Uint8Array ? new TextDecoder().decode(body) : "";
};

/** Lets through to AWS only what somebody may call. */
export const guard = (
  handler: HttpHandler,
  caller: Caller,
  authorise: (call: AwsCall) => string | undefined,
): HttpHandler => ({
  ...(handler.metadata && { metadata: handler.metadata }),
  destroy: () => handler.destroy?.(),
  updateHttpClientConfig: (key, value) => handler.updateHttpClientConfig(key, value),
  httpHandlerConfigs: () => handler.httpHandlerConfigs(),
  handle: async (request: HttpRequest, options) => {
    const { service, operation } = describeCall(request);
    const { method, headers } = request;
    const denial = authorise({
      caller,
      service,
      operation,
      method,
      url: toUrl(request),
      headers,
      body: textOf(request.body),
    });
    return denial === undefined ? handler.handle(request, options) : deny(service, denial);
  },
});
