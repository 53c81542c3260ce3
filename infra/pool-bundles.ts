import { Fn, Reference, Token, Tokenization } from "aws-cdk-lib";
import type { CfnAutoScalingGroup } from "aws-cdk-lib/aws-autoscaling";
import { CfnLaunchTemplate, LaunchTemplate, type UserData } from "aws-cdk-lib/aws-ec2";
import { bootsFrom } from "./boot-order.ts";
import type { PoolBundles } from "./drover-props.ts";
import { checkMachine } from "./check-bundles.ts";
import { hinderingTags } from "./metadata-tags.ts";
import type { Problems } from "./problems.ts";

/** What Drover equips with user data and settings. */
export interface Equipped {
  readonly group: CfnAutoScalingGroup;
  readonly templates: readonly LaunchTemplate[];
}

/** What machines need of instance metadata, and where a launch template has it. */
const metadata = {
  HttpTokens: {
    option: "httpTokens",
    needed: "required",
    remedy: "leave it out, or set requireImdsv2: true",
  },
  HttpPutResponseHopLimit: {
    option: "httpPutResponseHopLimit",
    needed: 1,
    remedy: "leave it out, or give 1: with more, tasks on the machine can borrow its role",
  },
  InstanceMetadataTags: {
    option: "instanceMetadataTags",
    needed: "enabled",
    remedy: "leave it out, or give true: by the tag drover:bundle a machine learns its bundle",
  },
  HttpEndpoint: {
    option: "httpEndpoint",
    needed: "enabled",
    remedy: "leave it out, or give true: from there a machine has the credentials of its role",
  },
} as const;

/**
 * Adds all that keeps Drover from equipping the machines of a group.
 *
 * @param group - undefined when it is imported
 * @returns the group and its launch templates; undefined only when something was added
 */
export const checkPoolBundles = (
  { store, ...options }: PoolBundles,
  pool: string,
  cluster: string,
  group: CfnAutoScalingGroup | undefined,
  problems: Problems,
): Equipped | undefined => {
  if (store.cluster !== cluster) {
    problems.add(
      "bundles.store",
      store.node.path,
      `it is of the cluster "${store.cluster}", and this is "${cluster}": make a store for it`,
    );
  }
  const templates = group && launchTemplatesOf(group);
  if (!group || !templates) {
    problems.add(
      "bundles",
      undefined,
      `the launch template is not made in this app: give it store.userData({ pool: "${pool}", role }) where it is, or what drover user-data prints, and leave bundles out here`,
    );
    return undefined;
  }
  for (const template of templates) {
    checkTemplate(template, problems);
    if (template.role) checkMachine({ ...options, pool, role: template.role }, problems);
  }
  return { group, templates };
};

/** Undefined when one of them is not made in this app. */
const launchTemplatesOf = (group: CfnAutoScalingGroup): LaunchTemplate[] | undefined => {
  const { mixedInstancesPolicy: mixed, launchTemplate } = group;
  const specifications: unknown[] = [];
  if (launchTemplate !== undefined) specifications.push(launchTemplate);
  if (mixed !== undefined && !Token.isUnresolved(mixed) && "launchTemplate" in mixed) {
    const { launchTemplate: chosen } = mixed;
    if (!("launchTemplateSpecification" in chosen)) return undefined;
    const { overrides } = chosen;
    specifications.push(
      chosen.launchTemplateSpecification,
      ...(Array.isArray(overrides) ? (overrides as Override[]) : []).flatMap(
        ({ launchTemplateSpecification: own }) => (own === undefined ? [] : [own]),
      ),
    );
  }
  const found = specifications.map(madeHere);
  const made = found.filter((template) => template !== undefined);
  return made.length > 0 && made.length === found.length ? [...new Set(made)] : undefined;
};

interface Override {
  readonly launchTemplateSpecification?: unknown;
}

const madeHere = (specification: unknown): LaunchTemplate | undefined => {
  const { launchTemplateId: id } = specification as { readonly launchTemplateId?: unknown };
  const token = typeof id === "string" ? Tokenization.reverseString(id).firstToken : undefined;
  if (!Reference.isReference(token)) return undefined;
  const { target } = token;
  if (!CfnLaunchTemplate.isCfnLaunchTemplate(target)) return undefined;
  const template = target.node.scope;
  return template instanceof LaunchTemplate ? template : undefined;
};

const resourceOf = (template: LaunchTemplate): CfnLaunchTemplate => {
  const resource = template.node.defaultChild ?? template.node.findChild("Resource");
  if (!CfnLaunchTemplate.isCfnLaunchTemplate(resource)) {
    throw new Error(`${template.node.path} is a launch template without a resource`);
  }
  return resource;
};

/** What is in a script beside the line that names its interpreter. */
const hasCommands = (userData: UserData | undefined): boolean =>
  userData !== undefined &&
  userData
    .render()
    .replace(/^#!.*\n?/, "")
    .trim() !== "";

const ownUserData =
  "it has user data of its own, and Drover's is a whole script: put what it does into the image, or into the bundle as a hook";

const checkTemplate = (template: LaunchTemplate, problems: Problems): void => {
  const { path } = template.node;
  if (!template.role) {
    problems.add(
      "bundles",
      path,
      'this launch template has no role, with which its machines fetch their bundle: give it one that is assumed by "ec2.amazonaws.com"',
    );
  }
  if (hasCommands(template.userData)) problems.add("bundles", path, ownUserData);
  const data = resourceOf(template).launchTemplateData;
  const given = "metadataOptions" in data ? data.metadataOptions : undefined;
  if (given === undefined || Token.isUnresolved(given)) return;
  for (const { option, needed, remedy } of Object.values(metadata)) {
    const value = (given as Readonly<Record<string, unknown>>)[option];
    if (value === undefined || value === needed) continue;
    problems.add(`${path}: ${option}`, value, remedy);
  }
};

/** Gives the machines of a pool their user data, their role what they need, and closes metadata to others. */
export const equipTemplates = (
  { group, templates }: Equipped,
  pool: string,
  { store, ...options }: PoolBundles,
): void => {
  bootsFrom(group, store, pool);
  for (const template of templates) {
    const { role } = template;
    // That there is one was checked.
    if (!role) continue;
    const resource = resourceOf(template);
    const userData = store.userData({ ...options, pool, role });
    resource.addPropertyOverride("LaunchTemplateData.UserData", Fn.base64(userData.render()));
    for (const [name, { needed }] of Object.entries(metadata)) {
      resource.addPropertyOverride(`LaunchTemplateData.MetadataOptions.${name}`, needed);
    }
    template.node.addValidation({
      validate: () => [
        ...(hasCommands(template.userData) ? [`${template.node.path}: ${ownUserData}`] : []),
        ...hinderingTags(group, resource),
      ],
    });
  }
};
