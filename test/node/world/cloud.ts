import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import {
  CreateBucketCommand,
  GetObjectCommand,
  NoSuchKey,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { waitFor } from "../../../rehearsal/agents/polling.ts";
import type { RoleSession } from "./metadata.ts";

const repository = join(import.meta.dirname, "..", "..", "..");

export const region = "eu-west-1";

/** What the publisher of a pool has access to. */
export interface Bucket {
  readonly name: string;
  readonly put: (key: string, content: string | Buffer) => Promise<void>;
  /** The text of an object, or undefined when there is none. */
  readonly get: (key: string) => Promise<string | undefined>;
}

/** S3, Secrets Manager and SSM that verify signatures, session tokens and the role's policy. */
export interface Cloud {
  readonly endpoint: string;
  /** The machine's role, as its instance profile has it. */
  readonly session: RoleSession;
  readonly roleId: string;
  readonly makeBucket: () => Promise<Bucket>;
  readonly putSecret: (id: string, value: string | Buffer) => Promise<void>;
  /** @param type - by default what machines read as secrets */
  readonly putParameter: (
    name: string,
    value: string,
    type?: "String" | "SecureString",
  ) => Promise<void>;
  /**
   * A session of somebody who may do what these statements of IAM say; their conditions are not
   * evaluated. Only while no machine is on.
   */
  readonly assumeRole: (name: string, statements: readonly unknown[]) => Promise<RoleSession>;
  /** What the role may do: resources by actions. Only while no other test has a machine on. */
  readonly allow: (actions: Readonly<Record<string, string>>) => Promise<void>;
  readonly close: () => Promise<void>;
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no TCP port is free");
  return address.port;
};

const launch = async (): Promise<{ child: ChildProcess; endpoint: string }> => {
  execFileSync(
    "sh",
    [
      join(repository, "test", "tools", "python.sh"),
      "moto",
      join(import.meta.dirname, "..", "moto", "requirements.txt"),
    ],
    { cwd: repository, stdio: ["ignore", "inherit", "inherit"] },
  );
  const port = await freePort();
  const child = spawn(
    "setpriv",
    [
      ..."--pdeathsig KILL --".split(" "),
      join(repository, ".cache", "moto", "bin", "moto_server"),
      ...`-H 127.0.0.1 -p ${port}`.split(" "),
    ],
    {
      stdio: ["ignore", "ignore", "pipe"],
      // From the first request on, all is verified.
      env: { PATH: process.env["PATH"], HOME: "/nonexistent", INITIAL_NO_AUTH_ACTION_COUNT: "0" },
    },
  );
  let said = "";
  child.stderr
    .setEncoding("utf8")
    .on("data", (text: string) => (said = (said + text).slice(-10_000)));
  const endpoint = `http://127.0.0.1:${port}`;
  await waitFor(
    "moto to be up",
    async () => {
      if (child.exitCode !== null) throw new Error(`moto ended: ${said}`);
      return (await fetch(`${endpoint}/moto-api/data.json`)).ok;
    },
    60_000,
  );
  return { child, endpoint };
};

const tag = (xml: string, name: string): string => {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  if (found === undefined) throw new Error(`there is no ${name} in ${xml}`);
  return found;
};

const trust = JSON.stringify({
  Version: "2012-10-17",
  Statement: [
    { Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" },
  ],
});

/** What the role of a pool's machines may do, and no more. */
const grants = (roleId: string): Readonly<Record<string, string>> => ({
  "s3:GetObject": "arn:aws:s3:::*",
  "s3:PutObject": `arn:aws:s3:::*/reports/workers/${roleId}:*`,
  "secretsmanager:GetSecretValue": "*",
  "ssm:GetParameter": "*",
});

/** Starts moto with a bucket and the role of the machines of the pool `workers`. */
export const startCloud = async (): Promise<Cloud> => {
  const { child, endpoint } = await launch();
  let buckets = 0;

  /** Asks for what moto lets through unseen: only while no machine is on, whose request it could be. */
  const query = async (service: string, parameters: Record<string, string>): Promise<string> => {
    await fetch(`${endpoint}/moto-api/reset-auth`, { method: "POST", body: "1" });
    const response = await fetch(endpoint, {
      method: "POST",
      headers: {
        authorization: `AWS4-HMAC-SHA256 Credential=admin/20260101/${region}/${service}/aws4_request, SignedHeaders=host, Signature=0`,
      },
      body: new URLSearchParams(parameters),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${service} answered ${response.status}: ${text}`);
    return text;
  };

  const makeRole = async (name: string): Promise<{ readonly id: string; readonly arn: string }> => {
    const role = await query("iam", {
      Action: "CreateRole",
      Version: "2010-05-08",
      RoleName: name,
      AssumeRolePolicyDocument: trust,
    });
    return { id: tag(role, "RoleId"), arn: tag(role, "Arn") };
  };
  const setPolicy = async (role: string, statements: readonly unknown[]): Promise<void> => {
    await query("iam", {
      Action: "PutRolePolicy",
      Version: "2010-05-08",
      RoleName: role,
      PolicyName: "all",
      PolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement: statements }),
    });
  };
  const assume = async (arn: string, session: string): Promise<RoleSession> => {
    const assumed = await query("sts", {
      Action: "AssumeRole",
      Version: "2011-06-15",
      RoleArn: arn,
      RoleSessionName: session,
    });
    return {
      accessKeyId: tag(assumed, "AccessKeyId"),
      secretAccessKey: tag(assumed, "SecretAccessKey"),
      sessionToken: tag(assumed, "SessionToken"),
    };
  };
  const assumeRole: Cloud["assumeRole"] = async (name, statements) => {
    const { arn } = await makeRole(name);
    await setPolicy(name, statements);
    return assume(arn, "ada");
  };

  const machine = "drover-workers";
  const { id: roleId, arn } = await makeRole(machine);
  const allow: Cloud["allow"] = (actions) =>
    setPolicy(
      machine,
      Object.entries(actions).map(([Action, Resource]) => ({ Effect: "Allow", Action, Resource })),
    );
  await allow(grants(roleId));
  const session = await assume(arn, "i-0123456789abcdef0");
  const admin = { Version: "2010-05-08", UserName: "publisher" };
  await query("iam", { Action: "CreateUser", ...admin });
  await query("iam", {
    Action: "PutUserPolicy",
    PolicyName: "all",
    PolicyDocument: JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }],
    }),
    ...admin,
  });
  const key = await query("iam", { Action: "CreateAccessKey", ...admin });
  const settings = {
    endpoint,
    region,
    credentials: {
      accessKeyId: tag(key, "AccessKeyId"),
      secretAccessKey: tag(key, "SecretAccessKey"),
    },
  };
  const s3 = new S3Client({ ...settings, forcePathStyle: true });
  const secrets = new SecretsManagerClient(settings);
  const parameters = new SSMClient(settings);

  const makeBucket: Cloud["makeBucket"] = async () => {
    buckets += 1;
    const Bucket = `drover-bundles-${buckets}`;
    await s3.send(
      new CreateBucketCommand({
        Bucket,
        CreateBucketConfiguration: { LocationConstraint: region },
      }),
    );
    return {
      name: Bucket,
      put: async (Key, content) => {
        await s3.send(new PutObjectCommand({ Bucket, Key, Body: content }));
      },
      get: async (Key) => {
        try {
          const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
          return await Body?.transformToString();
        } catch (error) {
          if (error instanceof NoSuchKey) return undefined;
          throw error;
        }
      },
    };
  };

  return {
    endpoint,
    roleId,
    session,
    allow,
    makeBucket,
    putSecret: async (Name, value) => {
      await secrets.send(
        new CreateSecretCommand({
          Name,
          ...(typeof value === "string" ? { SecretString: value } : { SecretBinary: value }),
        }),
      );
    },
    putParameter: async (Name, Value, Type = "SecureString") => {
      await parameters.send(new PutParameterCommand({ Name, Value, Type, Overwrite: true }));
    },
    assumeRole,
    close: async () => {
      for (const client of [s3, secrets, parameters]) client.destroy();
      if (child.exitCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
};
