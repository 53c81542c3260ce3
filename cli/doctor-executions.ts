import {
  DescribeExecutionCommand,
  paginateListStateMachines,
  SFNClient,
  StartExecutionCommand,
} from "@aws-sdk/client-sfn";
import * as v from "valibot";
import { doctorReport, type DoctorReport } from "../lambdas/watch/report-findings.ts";
import { explainAwsError } from "./explain-aws-error.ts";
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

const needed = "states:ListStateMachines, states:StartExecution and states:DescribeExecution";

const explaining = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    throw explainAwsError(error, needed);
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
