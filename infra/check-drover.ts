import { Token } from "aws-cdk-lib";
import type { ConsulProps, DroverProps, NomadProps, TlsSecrets } from "./drover-props.ts";
import type { Problems } from "./problems.ts";

const clusterPattern = /^[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?$/;

/** Adds all that is wrong with the properties of a Drover. Tokens are known to CloudFormation only. */
export const checkDrover = (props: DroverProps, problems: Problems): void => {
  const { cluster, slots } = props;
  checkCluster(cluster, problems);
  if (slots !== undefined && !Token.isUnresolved(slots)) checkSlots("slots", slots, problems);
  if (!props.vpc) {
    problems.add("vpc", props.vpc, "give the VPC from which Nomad can be reached");
  } else checkSubnets(props, problems);
  if (props.securityGroups?.length === 0) {
    problems.add("securityGroups", [], "give at least one, or leave the property out");
  }
  if (props.nomad) checkService("nomad", props.nomad, "https://nomad.internal:4646", problems);
  else
    problems.add("nomad", props.nomad, 'give at least { address: "https://nomad.internal:4646" }');
  if (props.consul) checkService("consul", props.consul, "https://consul.internal:8501", problems);
};

export const checkCluster = (cluster: string | undefined, problems: Problems): void => {
  if (cluster === undefined || Token.isUnresolved(cluster) || clusterPattern.test(cluster)) return;
  problems.add(
    "cluster",
    cluster,
    'give at most 24 lower-case letters, digits, and hyphens inside, such as "eu-1"',
  );
};

/** Lambda gives a function no public address, so in a public subnet it has no way out. */
const checkSubnets = ({ vpc, vpcSubnets }: DroverProps, problems: Problems): void => {
  try {
    const { hasPublic } = vpc.selectSubnets(vpcSubnets ?? {});
    if (!hasPublic) return;
    problems.add(
      "vpcSubnets",
      // Not the subnets themselves: constructs refer to each other in circles.
      vpcSubnets?.subnetType ?? vpcSubnets?.subnetGroupName,
      "these are public, and functions in them have no way out: give private ones with a way to Nomad and to Secrets Manager",
    );
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    problems.add("vpcSubnets", undefined, `${why}: give private subnets of this VPC`);
  }
};

export const checkSlots = (property: string, slots: number, problems: Problems): void => {
  if (Number.isInteger(slots) && slots >= 1 && slots <= 100) return;
  problems.add(property, slots, "give a whole number between 1 and 100");
};

const checkService = (
  name: "nomad" | "consul",
  props: NomadProps | ConsulProps,
  example: string,
  problems: Problems,
): void => {
  checkAddress(`${name}.address`, props, example, problems);
  const scope = name === "nomad" ? "region" : "datacenter";
  const value =
    "region" in props ? props.region : "datacenter" in props ? props.datacenter : undefined;
  if (value !== undefined && !Token.isUnresolved(value) && !/^[\w.-]+$/.test(value)) {
    problems.add(
      `${name}.${scope}`,
      value,
      `give the ${scope}'s name (letters, digits, dots, hyphens, underscores), or leave the property out`,
    );
  }
  checkSecret(`${name}.token`, props.token, problems);
  checkTls(name, props.tls ?? {}, problems);
};

const checkTls = (name: string, tls: TlsSecrets, problems: Problems): void => {
  for (const property of ["ca", "clientCertificate", "clientKey"] as const) {
    checkSecret(`${name}.tls.${property}`, tls[property], problems);
  }
  if (Boolean(tls.clientCertificate) !== Boolean(tls.clientKey)) {
    const absent = tls.clientCertificate ? "clientKey" : "clientCertificate";
    problems.add(
      `${name}.tls.${absent}`,
      undefined,
      "it is left out: a client certificate and its key go together, give both or none",
    );
  }
};

/** The value is never shown: it may be the secret itself. */
const checkSecret = (property: string, secret: unknown, problems: Problems): void => {
  if (secret === undefined) return;
  if (typeof secret === "object" && secret !== null && "secretArn" in secret) return;
  const kind = typeof secret === "string" ? "a text" : "no secret of Secrets Manager";
  problems.add(
    property,
    undefined,
    `it is ${kind} (not shown here): put the value into AWS Secrets Manager and give that secret, such as Secret.fromSecretNameV2(this, "Token", "drover/token"); what is written in an app ends up in its templates`,
  );
};

const checkAddress = (
  property: string,
  { address, allowHttp }: { readonly address: string; readonly allowHttp?: boolean },
  example: string,
  problems: Problems,
): void => {
  if (Token.isUnresolved(address)) return;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (!url || (url.protocol !== "https:" && url.protocol !== "http:")) {
    problems.add(property, address, `give a URL such as "${example}"`);
    return;
  }
  if (url.username || url.password) {
    problems.add(
      property,
      undefined,
      "it holds a user or a password (not shown here): give the address alone, and the token as a secret",
    );
    return;
  }
  if (url.protocol === "http:" && !allowHttp) {
    problems.add(
      property,
      address,
      "the token would cross the network unencrypted: give an address with https, or set allowHttp: true beside it",
    );
  }
  if (url.pathname !== "/" || url.search || url.hash) {
    problems.add(property, address, `give the address without a path, as "${url.origin}"`);
  }
};
