import {
  DescribeExecutionCommand,
  paginateListStateMachines,
  SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import * as v from "valibot";
import { doctorReport, type DoctorReport } from "../lambdas/watch/report-findings.ts";
import { BadArguments, CannotFinish } from "./output.ts";
import type { Outside } from "./outside.ts";

export interface DoctorExecutions {
  /** The ARN of the state machine of a cluster. */
  find(cluster: string): Promise<string>;
  /** @returns the ARN of the new execution */
  start(machine: string): Promise<string>;
  /** What an execution reports; undefined while it runs. */
  reportOf(execution: string): Promise<DoctorReport | undefined>;
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : "");

/** What a person can do about an answer of AWS, or of the SDK before it asked. */
const explain = (error: unknown): unknown => {
  const message = error instanceof Error ? error.message : String(error);
  switch (nameOf(error)) {
    case "CredentialsProviderError":
      return new BadArguments(
        `there are no AWS credentials (${message}): log in, or set AWS_PROFILE or AWS_ACCESS_KEY_ID`,
      );
    case "ExpiredToken":
    case "ExpiredTokenException":
    case "UnrecognizedClientException":
    case "InvalidClientTokenId":
      return new BadArguments(`the AWS credentials are not accepted (${message}): log in again`);
    case "AccessDeniedException":
      return new BadArguments(
        `the AWS credentials are not enough: ${message}; needed are states:ListStateMachines, states:StartExecution and states:DescribeExecution`,
      );
    default:
      if (/Region is missing/.test(message))
        return new BadArguments("there is no region: give --region, or set AWS_REGION");
      if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH/.test(message))
        return new CannotFinish(
          `AWS is not reached from here (${message}): see to the network, and to the name of the region`,
        );
      return error;
  }
};

const explaining = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    throw explain(error);
  }
};

/** Executions of the doctor, with the credentials of whoever runs the command. */
export const doctorExecutions = (
  outside: Outside,
  region: string | undefined,
): DoctorExecutions => {
  const client = new SFNClient({
    ...(region !== undefined && { region }),
    ...(outside.awsHandler && { requestHandler: outside.awsHandler }),
  });
  return {
    find: (cluster) =>
      explaining(async () => {
        const wanted = `drover-${cluster}-doctor`;
        const others: string[] = [];
        for await (const { stateMachines } of paginateListStateMachines({ client }, {})) {
          for (const { name = "", stateMachineArn = "" } of stateMachines ?? []) {
            if (name === wanted) return stateMachineArn;
            const other = /^drover-(.+)-doctor$/.exec(name)?.[1];
            if (other !== undefined) others.push(other);
          }
        }
        const where = await client.config.region();
        throw new BadArguments(
          `there is no state machine ${wanted} in ${where}: ${
            others.length > 0
              ? `give one of these by --cluster: ${others.sort().join(", ")}`
              : "deploy Drover there, or give the --region in which it is"
          }`,
        );
      }),
    start: (machine) =>
      explaining(async () => {
        const { executionArn } = await client.send(
          new StartExecutionCommand({ stateMachineArn: machine, input: "{}" }),
        );
        return executionArn ?? "";
      }),
    reportOf: (execution) =>
      explaining(async () => {
        const { status, output, error, cause } = await client.send(
          new DescribeExecutionCommand({ executionArn: execution }),
        );
        if (status === "RUNNING" || status === "PENDING_REDRIVE") return undefined;
        if (status === "SUCCEEDED") return v.parse(doctorReport, JSON.parse(output ?? "null"));
        throw new CannotFinish(
          `the doctor itself ${status === "ABORTED" ? "was stopped" : "failed"} (${[error, cause].filter(Boolean).join(": ") || status}): see the execution ${execution}`,
        );
      }),
  };
};
