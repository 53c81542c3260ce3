import { createPublicKey } from "node:crypto";
import { type Duration, Token } from "aws-cdk-lib";
import { checkCluster } from "./check-drover.ts";
import { checkPoolName } from "./check-pool.ts";
import type { BundleOptions, BundleStoreProps, MachineProps } from "./bundle-store-props.ts";
import type { Problems } from "./problems.ts";

/** Adds all that is wrong with the properties of a store of bundles. */
export const checkBundleStore = (props: BundleStoreProps, problems: Problems): void => {
  checkCluster(props.cluster, problems);
  const { recoverableFor, keepBundles, keepFor } = props;
  if (recoverableFor !== undefined)
    checkSpan("recoverableFor", recoverableFor, { unit: 86_400, least: 1, most: 3650 }, problems);
  if (keepFor !== undefined)
    checkSpan("keepFor", keepFor, { unit: 86_400, least: 1, most: 3650 }, problems);
  if (keepBundles !== undefined && !(Number.isInteger(keepBundles) && keepBundles >= 1))
    problems.add("keepBundles", keepBundles, "give a whole number of at least 1, such as 10");
};

/** Adds all that is wrong with what the machines of a pool are told. */
export const checkMachine = (props: MachineProps, problems: Problems): void => {
  checkPoolName(props.pool, problems);
  if (roleIdOf(props) === undefined)
    problems.add(
      "roleId",
      undefined,
      `${props.role.node.path} is a role of others, and its unique id is not known here: give what aws iam get-role --role-name NAME --query Role.RoleId says`,
    );
  checkRoleId(props.roleId, problems);
  checkOptions(props, problems);
};

const checkRoleId = (roleId: string | undefined, problems: Problems): void => {
  if (roleId === undefined || Token.isUnresolved(roleId) || /^AROA[A-Z0-9]+$/.test(roleId)) return;
  problems.add("roleId", roleId, "give the unique id of the role, such as AROAEXAMPLEEXAMPLE123");
};

export const checkOptions = (
  { serialFloor, assignment, bootTime, publicKey }: BundleOptions,
  problems: Problems,
): void => {
  // As long as a shell can count.
  const isSerial = (value: number) => Number.isInteger(value) && value >= 0 && value < 1e15;
  if (serialFloor !== undefined && !Token.isUnresolved(serialFloor) && !isSerial(serialFloor))
    problems.add("serialFloor", serialFloor, "give a whole number, 0 or more");
  if (assignment !== undefined && assignment !== "current" && assignment !== "wait")
    problems.add("assignment", assignment, 'give "current" or "wait"');
  if (bootTime !== undefined)
    checkSpan("bootTime", bootTime, { unit: 1, least: 60, most: 7200 }, problems);
  if (publicKey !== undefined && !Token.isUnresolved(publicKey))
    checkPublicKey(publicKey, problems);
};

const units = { 1: "seconds", 86_400: "days" } as const;

const checkSpan = (
  property: string,
  span: Duration,
  limits: { readonly unit: keyof typeof units; readonly least: number; readonly most: number },
  problems: Problems,
): void => {
  const { unit, least, most } = limits;
  const remedy = `give whole ${units[unit]} between ${least} and ${most}`;
  if (span.isUnresolved()) {
    problems.add(property, "a token", remedy);
    return;
  }
  const value = span.toSeconds({ integral: false }) / unit;
  if (Number.isInteger(value) && value >= least && value <= most) return;
  problems.add(property, `${value} ${units[unit]}`, remedy);
};

const pemBlock = /-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\s]+-----END PUBLIC KEY-----/g;

const isP256 = (pem: string): boolean => {
  try {
    return createPublicKey(pem).asymmetricKeyDetails?.namedCurve === "prime256v1";
  } catch {
    return false;
  }
};

/** Not shown: somebody may have put the private one there. */
const checkPublicKey = (publicKey: string, problems: Problems): void => {
  const blocks = publicKey.match(pemBlock) ?? [];
  const rest = publicKey.replaceAll(pemBlock, "").trim();
  if (blocks.length > 0 && rest === "" && blocks.every(isP256)) return;
  problems.add(
    "publicKey",
    undefined,
    "it is not PEM of public keys of ECC_NIST_P256 alone (not shown here): give what drover user-data or openssl ec -pubout prints",
  );
};

/** The unique id of the role of machines; undefined when it cannot be known. */
export const roleIdOf = ({ role, roleId }: Pick<MachineProps, "role" | "roleId">) => {
  if (roleId !== undefined) return roleId;
  return "roleId" in role && typeof role.roleId === "string" ? role.roleId : undefined;
};
