import {
  Aws,
  BootstraplessSynthesizer,
  CfnCondition,
  CfnOutput,
  CfnParameter,
  type CfnParameterProps,
  CfnRule,
  Fn,
  Stack,
} from "aws-cdk-lib";
import { CfnAlarm } from "aws-cdk-lib/aws-cloudwatch";
import { SecurityGroup, Vpc } from "aws-cdk-lib/aws-ec2";
import { CfnRole } from "aws-cdk-lib/aws-iam";
import { CfnFunction, Code } from "aws-cdk-lib/aws-lambda";
import { Bucket } from "aws-cdk-lib/aws-s3";
import { type ISecret, Secret } from "aws-cdk-lib/aws-secretsmanager";
import { type Construct } from "constructs";
import type { Task } from "../stepfunctions/tasks.ts";
import type { TlsSecrets } from "./drover-props.ts";
import { Drover } from "./drover.ts";
import type { DeployFunction } from "./function-code.ts";
import { stopParameterName } from "./names.ts";

/** The name of the zip file of a function. */
export type ZipOf = (name: Task | DeployFunction) => string;

export interface ReleaseStackProps {
  readonly zipOf: ZipOf;
}

const clusterPattern = "^[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?$";
const secretPattern = "^(arn:[\\w-]+:secretsmanager:[\\w-]+:\\d{12}:secret:.+)?$";
const addressPattern = "https://[A-Za-z0-9.-]+(:\\d+)?";

const service = { nomad: "Nomad", consul: "Consul" } as const;

interface ResolvedPolicy {
  readonly policyName: string;
  readonly policyDocument: { readonly Statement: readonly { readonly Action: unknown }[] };
}

/**
 * Drover as a template for those who have no CDK: everything that a Drover is
 * told in an app is a parameter here. It has no assets and no bootstrap; its
 * functions' code lies in a bucket of the team.
 *
 * Groups are not in it: they join by tags, a hook and a parameter, which
 * whoever makes them gives them (`PoolStack` has the last two).
 */
export class ReleaseStack extends Stack {
  constructor(scope: Construct, id: string, props: ReleaseStackProps) {
    super(scope, id, {
      description: "Drover: retires the nodes of a Nomad cluster when their instances leave",
      synthesizer: new BootstraplessSynthesizer(),
      analyticsReporting: false,
    });
    const cluster = this.text("Cluster", {
      default: "default",
      allowedPattern: clusterPattern,
      description: "Tells several Drovers of one account and region apart",
    });
    const bucket = this.text("CodeBucket", {
      description: "Bucket of this region with the zip files of the functions",
    });
    const prefix = this.text("CodePrefix", {
      default: "",
      description: "What comes before the names of the zip files, such as drover/0.1.0/",
    });
    const nomadAddress = this.text("NomadAddress", {
      allowedPattern: `^${addressPattern}$`,
      description: "Such as https://nomad.internal:4646",
    });
    const nomadRegion = this.text("NomadRegion", { default: "global" });
    const consulAddress = this.text("ConsulAddress", {
      default: "",
      allowedPattern: `^(${addressPattern})?$`,
      description: "Such as https://consul.internal:8501; empty when there is no Consul",
    });
    const consulDatacenter = this.text("ConsulDatacenter", { default: "dc1" });
    const hasConsul = this.isGiven("HasConsul", "ConsulAddress");
    const ifConsul = (value: string) =>
      Fn.conditionIf(hasConsul.logicalId, value, Aws.NO_VALUE).toString();
    const secrets = [this.secrets("nomad"), this.secrets("consul")] as const;

    const drover = new Drover(this, "Drover", {
      cluster,
      nomad: { address: nomadAddress, region: nomadRegion, ...secrets[0] },
      consul: {
        address: ifConsul(consulAddress),
        datacenter: ifConsul(consulDatacenter),
        ...secrets[1],
      },
      ...this.network(),
      slots: new CfnParameter(this, "Slots", {
        type: "Number",
        default: 1,
        minValue: 1,
        maxValue: 100,
        description: "How many nodes of the cluster may drain at the same time",
      }).valueAsNumber,
      // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- a parameter stands for one
      logRetention: new CfnParameter(this, "LogRetentionDays", {
        type: "Number",
        default: 90,
        minValue: 1,
        description: "One of the numbers that CloudWatch Logs takes: 7, 30, 90, 365, ...",
      }).valueAsNumber,
      runbookUrl: this.text("RunbookUrl", {
        default: "docs/operate.md",
        description: "Where your people read docs/operate.md",
      }),
      code: (task) =>
        Code.fromBucketV2(
          Bucket.fromBucketName(this, `Code-${task.replace("/", "-")}`, bucket),
          Fn.join("", [prefix, props.zipOf(task)]),
        ),
      pinVersions: false,
    });
    this.useNetwork(drover);
    this.allowSecretsIfAny(
      drover,
      secrets.flatMap(({ conditions }) => conditions),
    );
    for (const construct of drover.node.findAll()) {
      if (CfnAlarm.isCfnAlarm(construct) && construct.node.path.includes("/consul-")) {
        construct.cfnOptions.condition = hasConsul;
      }
    }
    this.out("StateMachine", drover.retireNode.stateMachineArn, "Start it to retire an instance");
    this.out("Doctor", drover.doctor.stateMachineArn, "Start it with {} to check the deployment");
    this.out("AlarmTopic", drover.alarmTopic.topicArn, "Subscribe to it");
    this.out("DeadLetters", drover.deadLetters.queueUrl, "Events that could not be handled");
    this.out("StopParameter", stopParameterName(cluster), "Set it to stop to hold Drover still");
  }

  private text(id: string, props: CfnParameterProps): string {
    return new CfnParameter(this, id, { type: "String", ...props }).valueAsString;
  }

  private isGiven(id: string, parameter: string): CfnCondition {
    return new CfnCondition(this, id, {
      expression: Fn.conditionNot(Fn.conditionEquals(Fn.ref(parameter), "")),
    });
  }

  /**
   * A statement that names no resource is refused by IAM: so the one for the
   * secrets is there only when one is given.
   */
  private allowSecretsIfAny(drover: Drover, conditions: readonly CfnCondition[]): void {
    const any = new CfnCondition(this, "HasSecrets", {
      expression: Fn.conditionOr(...conditions),
    });
    for (const construct of drover.node.findAll()) {
      if (!CfnRole.isCfnRole(construct) || construct.policies === undefined) continue;
      const policies = this.resolve(construct.policies) as ResolvedPolicy[];
      construct.policies = policies.map(({ policyName, policyDocument }) => ({
        policyName,
        policyDocument: {
          ...policyDocument,
          Statement: policyDocument.Statement.map((statement) =>
            statement.Action === "secretsmanager:GetSecretValue"
              ? Fn.conditionIf(any.logicalId, statement, { Ref: "AWS::NoValue" })
              : statement,
          ),
        },
      }));
    }
  }

  private out(id: string, value: string, description: string): void {
    new CfnOutput(this, `${id}Output`, { value, description }).overrideLogicalId(id);
  }

  /** A secret that is left out leaves out the variable that would name it. */
  private secrets(of: "nomad" | "consul"): {
    readonly token: ISecret;
    readonly tls: TlsSecrets;
    readonly conditions: readonly CfnCondition[];
  } {
    const conditions: CfnCondition[] = [];
    const secret = (name: string, what: string): ISecret => {
      const parameter = `${service[of]}${name}Arn`;
      const arn = this.text(parameter, {
        default: "",
        allowedPattern: secretPattern,
        description: `Secret with ${what} for ${service[of]}; empty for none`,
      });
      const given = this.isGiven(`Has${service[of]}${name}`, parameter);
      conditions.push(given);
      return Secret.fromSecretCompleteArn(
        this,
        `${service[of]}${name}`,
        Fn.conditionIf(given.logicalId, arn, Aws.NO_VALUE).toString(),
      );
    };
    const token = secret("Token", "Drover's token");
    const tls = {
      ca: secret("Ca", "the PEM of the certificate authority"),
      clientCertificate: secret("ClientCertificate", "the PEM of the client certificate"),
      clientKey: secret("ClientKey", "the PEM of the client certificate's key"),
    };
    const isEmpty = (name: string) => Fn.conditionEquals(Fn.ref(`${service[of]}${name}Arn`), "");
    const certificate = isEmpty("ClientCertificate");
    const key = isEmpty("ClientKey");
    new CfnRule(this, `${service[of]}CertificateHasKey`, {
      assertions: [
        {
          assert: Fn.conditionOr(
            Fn.conditionAnd(certificate, key),
            Fn.conditionAnd(Fn.conditionNot(certificate), Fn.conditionNot(key)),
          ),
          assertDescription: "A client certificate and its key go together: give both or none.",
        },
      ],
    });
    return { token, tls, conditions };
  }

  /** Stands for the network of the parameters, which is put in its place below. */
  private network() {
    return {
      vpc: Vpc.fromVpcAttributes(this, "Vpc", {
        vpcId: "vpc-00000000000000000",
        availabilityZones: ["any"],
        privateSubnetIds: ["subnet-00000000000000000"],
      }),
      securityGroups: [SecurityGroup.fromSecurityGroupId(this, "Network", "sg-00000000000000000")],
    };
  }

  private useNetwork(drover: Drover): void {
    const list = (id: string, type: string, description: string) =>
      Fn.ref(new CfnParameter(this, id, { type, description }).logicalId);
    const VpcConfig = {
      SubnetIds: list(
        "SubnetIds",
        "List<AWS::EC2::Subnet::Id>",
        "Private subnets with a way to Nomad, Consul and Secrets Manager",
      ),
      SecurityGroupIds: list(
        "SecurityGroupIds",
        "List<AWS::EC2::SecurityGroup::Id>",
        "Of the functions that talk to Nomad and Consul",
      ),
    };
    for (const construct of drover.node.findAll()) {
      if (CfnFunction.isCfnFunction(construct) && construct.vpcConfig !== undefined) {
        construct.addPropertyOverride("VpcConfig", VpcConfig);
      }
    }
  }
}
