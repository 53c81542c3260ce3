import * as v from "valibot";

import type { Service } from "./service.ts";

/** An error that an emulated AWS service answers with. */
export class AwsError extends Error {
  override readonly name = "AwsError";
  readonly code: string;
  readonly status: number;
  /** Further fields of the error's shape. */
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    message: string,
    options: { readonly status?: number; readonly fields?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message);
    this.code = code;
    this.status = options.status ?? 400;
    this.fields = options.fields ?? {};
  }
}

/** One operation: input as it came in, answer as it goes out. */
export type Operation = (input: unknown) => unknown;

/**
 * An operation whose input has exactly the fields of a schema. A field that the
 * emulator does not know fails the test that sends it, since to ignore it would
 * be to emulate something else.
 */
export const operation = <Schema extends v.GenericSchema>(
  schema: Schema,
  answer: (input: v.InferOutput<Schema>) => unknown,
): Operation => {
  return (input) => {
    const parsed = v.safeParse(schema, input);
    if (parsed.success) return answer(parsed.output);
    const problems = parsed.issues.map((issue) => `${v.getDotPath(issue) ?? ""}: ${issue.message}`);
    throw new Error(`the emulator does not take this input: ${problems.join("; ")}`);
  };
};

/**
 * Serves the AWS JSON protocol.
 *
 * @param target - what stands before the dot of `X-Amz-Target`
 * @param version - 1.0 (DynamoDB, Step Functions) or 1.1 (SSM, Secrets Manager, tagging)
 * @throws for an operation that is not emulated, which no client retries
 */
export const serveAwsJson =
  (
    target: string,
    version: "1.0" | "1.1",
    operations: Readonly<Record<string, Operation>>,
  ): Service =>
  async (request) => {
    const [prefix, name = ""] = (request.headers.get("x-amz-target") ?? "").split(".");
    const answer = operations[name];
    if (prefix !== target || answer === undefined)
      throw new Error(`${request.headers.get("x-amz-target")} is not emulated`);
    const headers = { "content-type": `application/x-amz-json-${version}` };
    try {
      const output = await answer(await request.json());
      return new Response(JSON.stringify(output ?? {}), { headers });
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      const body = { __type: error.code, message: error.message, ...error.fields };
      return new Response(JSON.stringify(body), { status: error.status, headers });
    }
  };
