import { AwsError } from "./aws-json.ts";
import type { Operation } from "./aws-json.ts";
import type { Service } from "./service.ts";

interface Form {
  [name: string]: string | Form;
}

/**
 * Reads the dotted parameters of the AWS Query protocol: `Tags.member.1.Key`
 * becomes `{ Tags: [{ Key }] }`. Every leaf is a text.
 *
 * Source: Smithy specification, "AWS Query protocol", query key resolution.
 */
export const parseForm = (body: string): Record<string, unknown> => {
  const form: Form = {};
  for (const [name, value] of new URLSearchParams(body)) {
    const path = name.split(".");
    const last = path.pop() ?? "";
    let at = form;
    for (const step of path) {
      const inner = at[step];
      if (typeof inner === "object") at = inner;
      else at = at[step] = {};
    }
    at[last] = value;
  }
  return Object.fromEntries(Object.entries(form).map(([name, value]) => [name, gather(value)]));
};

/** Turns `{ member: { 1: …, 2: … } }` into an array, at any depth. */
const gather = (value: string | Form): unknown => {
  if (typeof value === "string") return value;
  const { member } = value;
  if (typeof member === "object")
    return Object.keys(member)
      .sort((a, b) => Number(a) - Number(b))
      .map((index) => gather(member[index] ?? ""));
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, gather(inner)]));
};

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};
const escape = (text: string): string => text.replaceAll(/[&<>"]/g, (each) => escapes[each] ?? "");

/** Writes a value as XML: arrays as `member` elements, undefined not at all. */
export const renderXml = (value: unknown): string => {
  if (Array.isArray(value))
    return value.map((each) => `<member>${renderXml(each)}</member>`).join("");
  if (value instanceof Date) return value.toISOString();
  if (typeof value === "object" && value !== null)
    return Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .map(([name, inner]) => `<${name}>${renderXml(inner)}</${name}>`)
      .join("");
  return escape(String(value));
};

/**
 * Serves the AWS Query protocol.
 *
 * @param namespace - the XML namespace, which ends in the API's version
 * @param operations - by action; the version and the action are taken off their input
 * @throws for an action that is not emulated
 */
export const serveAwsQuery =
  (
    namespace: string,
    operations: Readonly<Record<string, Operation>>,
    requestId: () => string,
    /** Comes before each operation and may throw an AwsError in its place. */
    before: (action: string, request: Request) => void = () => undefined,
  ): Service =>
  async (request) => {
    const { Action, Version: _version, ...input } = parseForm(await request.text());
    const action = String(Action);
    const answer = operations[action];
    if (answer === undefined) throw new Error(`${action} is not emulated`);
    const headers = { "content-type": "text/xml" };
    const id = requestId();
    try {
      before(action, request);
      const result = (await answer(input)) ?? {};
      return new Response(
        `<${action}Response xmlns="${namespace}"><${action}Result>${renderXml(result)}</${action}Result>` +
          `<ResponseMetadata><RequestId>${id}</RequestId></ResponseMetadata></${action}Response>`,
        { headers },
      );
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      const shape = {
        Type: error.status < 500 ? "Sender" : "Receiver",
        Code: error.code,
        Message: error.message,
      };
      return new Response(
        `<ErrorResponse xmlns="${namespace}"><Error>${renderXml(shape)}</Error><RequestId>${id}</RequestId></ErrorResponse>`,
        { status: error.status, headers },
      );
    }
  };
