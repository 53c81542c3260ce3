import type { RemovalPolicy } from "aws-cdk-lib";
import type { ITable } from "aws-cdk-lib/aws-dynamodb";
import type { ISecurityGroup, IVpc, SubnetSelection } from "aws-cdk-lib/aws-ec2";
import type { Function as LambdaFunction, IFunction } from "aws-cdk-lib/aws-lambda";
import type { RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { allTasks, type DroverTask } from "../stepfunctions/tasks.ts";
import type { ConsulProps, NomadProps } from "./drover-props.ts";
import type { FunctionCode } from "./function-code.ts";
import { poolParameterPrefix, stopParameterName } from "./names.ts";
import { constructId, TaskFunction } from "./task-function.ts";
import { droverTaskNames } from "./task-names.ts";
import { retireMachineArn, taskPolicy } from "./task-policy.ts";

export interface TaskFunctionsProps {
  readonly cluster: string;
  readonly nomad: NomadProps;
  readonly consul?: ConsulProps | undefined;
  readonly network: {
    readonly vpc: IVpc;
    readonly vpcSubnets?: SubnetSelection | undefined;
    readonly securityGroups: readonly ISecurityGroup[];
  };
  readonly table: ITable;
  /** How many nodes of the cluster may drain at the same time; a number as text. */
  readonly slots: string;
  readonly code: FunctionCode;
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
}

/** Which have to know the state machine `retire-node`. */
const startsRetirements: ReadonlySet<DroverTask> = new Set<DroverTask>([
  "intake/intake",
  "watch/look-at-aws",
  "watch/repair-ownership",
]);

type Environment = Record<string, string>;

/** The functions of all tasks, each with what it needs and nothing else. */
export class TaskFunctions extends Construct {
  readonly #functions = new Map<DroverTask, LambdaFunction>();

  constructor(scope: Construct, id: string, props: TaskFunctionsProps) {
    super(scope, id);
    const { cluster, code, network, table, logRetention, removalPolicy } = props;
    const secrets = secretsOf(props);
    for (const task of droverTaskNames) {
      const made = new TaskFunction(this, constructId(task), {
        task,
        code: code(task),
        description: `Drover ${cluster}: ${task}`,
        environment: { DROVER_CLUSTER: cluster, ...this.environment(task, props) },
        policy: taskPolicy(this, task, { cluster, table, secrets }),
        network,
        logRetention,
        removalPolicy,
      });
      this.#functions.set(task, made.function);
    }
  }

  get(task: DroverTask): LambdaFunction {
    const made = this.#functions.get(task);
    if (!made) throw new Error(`there is no function for the task ${task}`);
    return made;
  }

  /** A version of the function, so that a deploy changes nothing under a running execution. */
  version(task: DroverTask): IFunction {
    return this.get(task).currentVersion;
  }

  private environment(task: DroverTask, props: TaskFunctionsProps): Environment {
    if (allTasks[task].inVpc) return clusterEnvironment(props);
    const { cluster, table, slots } = props;
    return {
      DROVER_TABLE: table.tableName,
      DROVER_STOP_PARAMETER: stopParameterName(cluster),
      DROVER_POOL_PARAMETERS: poolParameterPrefix(cluster),
      DROVER_CLUSTER_SLOTS: slots,
      ...(startsRetirements.has(task) && { DROVER_STATE_MACHINE: retireMachineArn(this, cluster) }),
    };
  }
}

/** How Nomad and Consul are reached. Only the names of secrets are here, never a secret. */
const clusterEnvironment = ({ nomad, consul }: TaskFunctionsProps): Environment => {
  const all: Record<string, string | undefined> = {
    NOMAD_ADDR: nomad.address,
    NOMAD_REGION: nomad.region ?? "global",
    NOMAD_TOKEN_SECRET: nomad.token?.secretArn,
    NOMAD_CACERT_SECRET: nomad.tls?.ca?.secretArn,
    NOMAD_CLIENT_CERT_SECRET: nomad.tls?.clientCertificate?.secretArn,
    NOMAD_CLIENT_KEY_SECRET: nomad.tls?.clientKey?.secretArn,
    ...(consul && {
      CONSUL_HTTP_ADDR: consul.address,
      CONSUL_DATACENTER: consul.datacenter ?? "dc1",
      CONSUL_HTTP_TOKEN_SECRET: consul.token?.secretArn,
      CONSUL_CACERT_SECRET: consul.tls?.ca?.secretArn,
      CONSUL_CLIENT_CERT_SECRET: consul.tls?.clientCertificate?.secretArn,
      CONSUL_CLIENT_KEY_SECRET: consul.tls?.clientKey?.secretArn,
    }),
  };
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
};

const secretsOf = ({ nomad, consul }: TaskFunctionsProps) => {
  const given = [nomad, consul].flatMap((service) => [
    service?.token,
    service?.tls?.ca,
    service?.tls?.clientCertificate,
    service?.tls?.clientKey,
  ]);
  return [...new Set(given.filter((secret) => secret !== undefined))];
};
