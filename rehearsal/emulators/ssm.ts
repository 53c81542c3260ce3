import * as v from "valibot";

import { AwsError, operation, serveAwsJson } from "./aws-json.ts";
import type { Service } from "./service.ts";

/** A parameter as it is stored. */
export interface Parameter {
  readonly name: string;
  readonly value: string;
  readonly type: "String" | "StringList" | "SecureString";
  readonly version: number;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
}

export interface Ssm {
  readonly service: Service;
  /** Writes a parameter as a person at the console would; each write is a new version. */
  put(name: string, value: string, type?: Parameter["type"]): void;
  remove(name: string): void;
  get(name: string): Parameter | undefined;
  /** Every version that there has been of a parameter, oldest first. */
  history(name: string): readonly Parameter[];
}

/** How a parameter that is read without decryption looks: anything but its value. */
const encrypted = (value: string): string => Buffer.from(`encrypted:${value}`).toString("base64");

/**
 * Emulates the reading side of Systems Manager's parameter store.
 *
 * Source: AWS Systems Manager API Reference, GetParameter, GetParameters (at
 * most 10 names; unknown ones come back in `InvalidParameters`),
 * GetParametersByPath (at most 10 a page).
 */
export const createSsm = ({
  now,
  region = "eu-west-1",
  account = "123456789012",
}: {
  readonly now: () => number;
  readonly region?: string;
  readonly account?: string;
}): Ssm => {
  const parameters = new Map<string, Parameter>();
  const written: Parameter[] = [];

  const show = (parameter: Parameter, decrypt: boolean | undefined) => ({
    Name: parameter.name,
    Type: parameter.type,
    Value:
      parameter.type === "SecureString" && decrypt !== true
        ? encrypted(parameter.value)
        : parameter.value,
    Version: parameter.version,
    LastModifiedDate: parameter.modifiedAt / 1000,
    ARN: `arn:aws:ssm:${region}:${account}:parameter${parameter.name.startsWith("/") ? "" : "/"}${parameter.name}`,
    DataType: "text",
  });

  /** A name may also be the parameter's ARN. */
  const find = (name: string): Parameter | undefined => {
    const path = /^arn:aws:ssm:[^:]*:[^:]*:parameter(\/.+)$/.exec(name)?.[1];
    if (path === undefined) return parameters.get(name);
    return parameters.get(path) ?? parameters.get(path.slice(1));
  };

  const service = serveAwsJson("AmazonSSM", "1.1", {
    GetParameter: operation(
      v.strictObject({ Name: v.string(), WithDecryption: v.optional(v.boolean()) }),
      ({ Name, WithDecryption }) => {
        const parameter = find(Name);
        if (parameter === undefined) throw new AwsError("ParameterNotFound", "");
        return { Parameter: show(parameter, WithDecryption) };
      },
    ),
    GetParameters: operation(
      v.strictObject({ Names: v.array(v.string()), WithDecryption: v.optional(v.boolean()) }),
      ({ Names, WithDecryption }) => {
        if (Names.length === 0 || Names.length > 10)
          throw new AwsError(
            "ValidationException",
            `1 validation error detected: Value '[${Names.join(", ")}]' at 'names' failed to satisfy constraint: Member must have length less than or equal to 10`,
          );
        const found = [...new Set(Names)].map((name) => ({ name, parameter: find(name) }));
        return {
          Parameters: found.flatMap(({ parameter }) =>
            parameter === undefined ? [] : [show(parameter, WithDecryption)],
          ),
          InvalidParameters: found.flatMap(({ name, parameter }) =>
            parameter === undefined ? [name] : [],
          ),
        };
      },
    ),
    GetParametersByPath: operation(
      v.strictObject({
        Path: v.string(),
        Recursive: v.optional(v.boolean()),
        WithDecryption: v.optional(v.boolean()),
        MaxResults: v.optional(v.number()),
        NextToken: v.optional(v.string()),
      }),
      ({ Path, Recursive, WithDecryption, MaxResults = 10, NextToken }) => {
        const prefix = Path.endsWith("/") ? Path : `${Path}/`;
        const below = [...parameters.values()]
          .filter(({ name }) => name.startsWith(prefix))
          .filter(({ name }) => Recursive === true || !name.slice(prefix.length).includes("/"))
          .sort((a, b) => (a.name < b.name ? -1 : 1));
        const from = Number(NextToken ?? 0);
        const until = from + Math.min(MaxResults, 10);
        return {
          Parameters: below.slice(from, until).map((parameter) => show(parameter, WithDecryption)),
          ...(until < below.length ? { NextToken: String(until) } : {}),
        };
      },
    ),
  });

  return {
    service,
    put: (name, value, type = "String") => {
      const version = (parameters.get(name)?.version ?? 0) + 1;
      const parameter = { name, value, type, version, modifiedAt: now() };
      parameters.set(name, parameter);
      written.push(parameter);
    },
    remove: (name) => void parameters.delete(name),
    get: (name) => parameters.get(name),
    history: (wanted) => written.filter(({ name }) => name === wanted),
  };
};
