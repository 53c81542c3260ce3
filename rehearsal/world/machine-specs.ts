import { createResolver, type Place, type Template } from "../engine/intrinsics.ts";
import { type MachineSettings, parseUserData } from "../machines/settings.ts";

/** What the machines of a group are told, and who they are. */
export interface MachineSpec {
  /** Of the group. */
  readonly group: string;
  readonly settings: MachineSettings;
  /** Logical id of their role. */
  readonly role: string;
}

const custom = "Custom::DroverBundleStore";

/** A value inside of properties that are not resolved, by its keys. */
const at = (value: unknown, ...path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>(
    (inner, key) => (inner as Readonly<Record<string, unknown>> | undefined)?.[key],
    value,
  );

/**
 * Reads what the machines of each group fetch at boot, from the user data of their
 * launch template. A group whose machines fetch nothing is left out.
 *
 * @param publicKey - of a key, by its ARN: what a custom resource finds out when it is deployed
 */
export const readMachineSpecs = (
  template: Template,
  place: Place,
  publicKey: (keyArn: string) => string,
): readonly MachineSpec[] => {
  const resources = Object.entries(template.Resources);
  const plain = createResolver(template, place);
  const attributes = Object.fromEntries(
    resources
      .filter(([, { Type }]) => Type === custom)
      .map(([id, { Properties }]) => {
        const keys = plain.resolve(Properties?.["Keys"]) as readonly string[];
        const scripts = String(plain.resolve(Properties?.["Scripts"]));
        return [id, { PublicKeys: keys.map(publicKey).join(""), Scripts: scripts }];
      }),
  );
  const resolver = createResolver(template, { ...place, attributes });
  const propertiesOf = (id: unknown) => template.Resources[String(id)]?.Properties;

  return resources
    .filter(([, { Type }]) => Type === "AWS::AutoScaling::AutoScalingGroup")
    .flatMap(([id, { Properties }]) => {
      const data = at(
        propertiesOf(at(Properties, "LaunchTemplate", "LaunchTemplateId", "Ref")),
        "LaunchTemplateData",
      );
      const script = at(data, "UserData", "Fn::Base64");
      if (script === undefined) return [];
      const settings = parseUserData(String(resolver.resolve(script)));
      if (settings === undefined) return [];
      const profile = at(data, "IamInstanceProfile", "Arn", "Fn::GetAtt", 0);
      const role = at(propertiesOf(profile), "Roles", 0, "Ref");
      if (typeof role !== "string") throw new Error(`the machines of ${id} have no role`);
      return [{ group: resolver.ref(id), settings, role }];
    });
};
