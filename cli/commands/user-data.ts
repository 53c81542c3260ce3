import type { Command } from "commander";
import { binaryKey } from "../../lambdas/config/keys.ts";
import { BadArguments, exitCodes, type Output } from "../output.ts";
import type { Outside } from "../outside.ts";
import { addPlace, type BundleFlags } from "./bundle-options.ts";

interface UserDataFlags extends BundleFlags {
  readonly roleId: string;
  readonly serialFloor: string;
  readonly assignment: string;
  readonly bootSeconds: string;
  readonly json?: true;
}

const help = `
What comes out: a script for the launch template of the pool. It has the settings, the public
keys of the bundles, and what fetches the rest; nothing in it is secret. With CDK, BundleStore
makes it by itself.

What happens: the rest, the scripts of machines, is put into the bucket if this version of
them is not there yet. Nothing else is changed.

With --assignment wait, whoever launches machines has to give them the tag drover:bundle:
Drover does not set it, and a machine without it fails after --boot-seconds.

The launch template has to demand IMDSv2 with the hop limit 1, and to give machines their tags:
MetadataOptions HttpTokens=required, HttpPutResponseHopLimit=1, InstanceMetadataTags=enabled.

Needed are ssm:GetParameter, s3:GetObject, s3:ListBucket and kms:GetPublicKey: the policy of
viewers has them. To put the scripts there, s3:PutObject besides: the policy of publishers.

Exit code: 0 printed; 1 it came to no result, for the reason on stderr; 2 the arguments or the
credentials are not as they have to be.

Examples:
  $ drover user-data --pool workers --role-id "$(aws iam get-role --role-name workers \\
      --query Role.RoleId --output text)" > user-data.sh`;

const needed =
  "ssm:GetParameter, s3:GetObject, s3:ListBucket and kms:GetPublicKey (the policy of viewers has them), and s3:PutObject on binaries/* unless the scripts of machines are there (the policy of publishers has it)";

/** @returns one line for each that is wrong */
const faultsOf = (flags: UserDataFlags): string[] => {
  const isWhole = (text: string, least: number, most: number) =>
    /^(0|[1-9]\d{0,14})$/.test(text) && Number(text) >= least && Number(text) <= most;
  const checks: readonly [boolean, string][] = [
    [
      /^AROA[A-Z0-9]+$/.test(flags.roleId),
      `--role-id ${flags.roleId}: it has to be the unique id of the machines' role, which aws iam get-role --role-name NAME --query Role.RoleId tells`,
    ],
    [
      isWhole(flags.serialFloor, 0, Number.MAX_SAFE_INTEGER),
      `--serial-floor ${flags.serialFloor}: it has to be a whole number, 0 or more`,
    ],
    [
      isWhole(flags.bootSeconds, 60, 7200),
      `--boot-seconds ${flags.bootSeconds}: it has to be whole seconds between 60 and 7200`,
    ],
  ];
  return checks.flatMap(([isRight, fault]) => (isRight ? [] : [fault]));
};

const assignments = ["current", "wait"] as const;

/** Adds `drover user-data`. */
export const addUserData = (
  program: Command,
  output: Output,
  outside: Outside,
  end: (code: number) => void,
): void => {
  const command = program
    .command("user-data")
    .description("Print what the launch template of a pool gives its machines at their first boot.")
    .requiredOption("--pool <name>", "the pool")
    .requiredOption("--role-id <id>", "the unique id of the machines' role (AROA...)")
    .option("--serial-floor <number>", "the lowest serial of the channel to be believed", "0")
    .addOption(
      program
        .createOption(
          "--assignment <kind>",
          "current: take the current bundle; wait: for the tag drover:bundle",
        )
        .choices(assignments)
        .default("current"),
    )
    .option("--boot-seconds <number>", "a little less than the launch hook allows", "900");
  addPlace(command)
    .addHelpText("after", help)
    .action(async (flags: UserDataFlags) => {
      const faults = faultsOf(flags);
      if (faults.length > 0) throw new BadArguments(faults.join("; "));
      const { withBundles } = await import("../bundle-connection.ts");
      const { formatUserData, packMachineScripts } =
        await import("../../infra/machine-user-data.ts");
      const { sha256, archive } = packMachineScripts();
      const { origin, isNew } = await withBundles(flags, outside, needed, async (connection) => {
        const { objects } = connection.desk;
        const name = binaryKey(sha256);
        const isThere = (await objects.size(name)) !== undefined;
        return {
          origin: await connection.origin(),
          isNew: !isThere && (await objects.create(name, archive)),
        };
      });
      const { pool, cluster, roleId } = flags;
      const settings = {
        pool,
        cluster,
        bucket: origin.bucket,
        region: origin.region,
        roleId,
        serialFloor: Number(flags.serialFloor),
        assignment: assignments.find((each) => each === flags.assignment),
        bootSeconds: Number(flags.bootSeconds),
      };
      const userData = formatUserData(settings, origin.publicKeys, sha256);
      const report = { pool, scripts: sha256, stored: isNew, userData };
      output.out(flags.json ? `${JSON.stringify(report, null, 2)}\n` : userData);
      end(exitCodes.fine);
    });
};
