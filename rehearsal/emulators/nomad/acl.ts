/** What a policy grants, as its HCL says it. */
export interface PolicySpec {
  readonly node?: "read" | "write" | "deny";
  readonly agent?: "read" | "write" | "deny";
  readonly operator?: "read" | "write" | "deny";
  /** By namespace; names may contain `*`. */
  readonly namespaces?: Readonly<
    Record<
      string,
      { readonly policy?: "read" | "write"; readonly capabilities?: readonly string[] }
    >
  >;
}

export interface TokenSpec {
  /** The secret that a client sends. */
  readonly secret: string;
  readonly accessor: string;
  readonly name?: string;
  /** @default "client" */
  readonly type?: "client" | "management";
  readonly policies?: readonly string[];
  /** Ids of roles. */
  readonly roles?: readonly string[];
  /** ISO 8601. @default never */
  readonly expiresAt?: string;
}

export interface RoleSpec {
  readonly name: string;
  readonly policies: readonly string[];
}

/** The rights of one request. */
export interface Rights {
  readonly accessor: string;
  canReadNodes(): boolean;
  canWriteNodes(): boolean;
  /** For the namespace `*`: whether any namespace grants it. */
  can(namespace: string, capability: string): boolean;
}

const READ = [
  "list-jobs",
  "parse-job",
  "read-job",
  "csi-list-volume",
  "csi-read-volume",
  "read-job-scaling",
  "list-scaling-policies",
  "read-scaling-policy",
];
const WRITE = [
  ...READ,
  "scale-job",
  "submit-job",
  "dispatch-job",
  "read-logs",
  "read-fs",
  "alloc-exec",
  "alloc-lifecycle",
  "csi-mount-volume",
  "csi-write-volume",
  "submit-recommendation",
];

const capabilitiesOf = (grant: { policy?: "read" | "write"; capabilities?: readonly string[] }) => [
  ...(grant.capabilities ?? []),
  ...(grant.policy === "read" ? READ : grant.policy === "write" ? WRITE : []),
];

const EVERYTHING: Rights = {
  accessor: "",
  canReadNodes: () => true,
  canWriteNodes: () => true,
  can: () => true,
};

const matchesGlob = (glob: string, name: string): boolean =>
  new RegExp(
    `^${glob
      .split("*")
      .map((part) => part.replace(/[^\w-]/g, "\\$&"))
      .join(".*")}$`,
  ).test(name);

const block = (header: string, lines: readonly string[]) =>
  `${header} {\n${lines.map((line) => `  ${line}\n`).join("")}}\n`;

/** The HCL of a policy. */
export const writeRules = (spec: PolicySpec): string =>
  [
    ...Object.entries(spec.namespaces ?? {}).map(([name, grant]) =>
      block(`namespace "${name}"`, [
        ...(grant.policy ? [`policy = "${grant.policy}"`] : []),
        ...(grant.capabilities ? [`capabilities = ${JSON.stringify(grant.capabilities)}`] : []),
      ]),
    ),
    ...(["node", "agent", "operator"] as const).flatMap((kind) =>
      spec[kind] ? [block(kind, [`policy = "${spec[kind]}"`])] : [],
    ),
  ].join("\n");

/** The policy as the server has parsed it, which it adds to its answer. */
const writeRulesJson = (spec: PolicySpec, rules: string) => ({
  Namespaces: Object.entries(spec.namespaces ?? {}).map(([name, grant]) => ({
    Name: name,
    Policy: grant.policy ?? "",
    Capabilities: capabilitiesOf(grant),
    Variables: null,
  })),
  NodePools: null,
  HostVolumes: null,
  Agent: spec.agent ? { Policy: spec.agent } : null,
  Node: spec.node ? { Policy: spec.node } : null,
  Operator: spec.operator ? { Policy: spec.operator } : null,
  Quota: null,
  Plugin: null,
  Raw: rules,
});

const NOBODY: TokenSpec = { secret: "", accessor: "anonymous", policies: [] };

/** Tokens and policies. Without any token, ACLs are off and everybody may do everything. */
export const createAcl = (now: () => number) => {
  const tokens = new Map<string, TokenSpec>();
  const policies = new Map<string, PolicySpec>();
  const roles = new Map<string, RoleSpec>();

  const policiesOf = (token: TokenSpec | undefined): string[] => [
    ...(token?.policies ?? []),
    ...(token?.roles ?? []).flatMap((id) => roles.get(id)?.policies ?? []),
  ];

  const rightsOf = (token: TokenSpec): Rights => {
    if (token.type === "management") return { ...EVERYTHING, accessor: token.accessor };
    const specs = policiesOf(token).flatMap((name) => policies.get(name) ?? []);
    const nodeGrants = new Set(specs.flatMap((spec) => spec.node ?? []));
    const namespaces = specs.flatMap((spec) => Object.entries(spec.namespaces ?? {}));
    const grants = (grant: (typeof namespaces)[number][1], capability: string) => {
      const capabilities = capabilitiesOf(grant);
      return capabilities.includes(capability) && !capabilities.includes("deny");
    };
    return {
      accessor: token.accessor,
      canReadNodes: () =>
        !nodeGrants.has("deny") && (nodeGrants.has("read") || nodeGrants.has("write")),
      canWriteNodes: () => !nodeGrants.has("deny") && nodeGrants.has("write"),
      can(namespace, capability) {
        if (namespace === "*") return namespaces.some(([, grant]) => grants(grant, capability));
        // The most exact rule decides alone.
        const exact = namespaces.filter(([name]) => name === namespace);
        const globs = namespaces
          .filter(([name]) => name.includes("*") && matchesGlob(name, namespace))
          .sort(([one], [other]) => other.length - one.length);
        const deciding =
          exact.length > 0 ? exact : globs.filter(([name]) => name === globs[0]?.[0]);
        return deciding.some(([, grant]) => grants(grant, capability));
      },
    };
  };

  return {
    get enabled() {
      return tokens.size > 0;
    },
    addToken: (token: TokenSpec) => void tokens.set(token.secret, token),
    removeToken: (secret: string) => void tokens.delete(secret),
    addPolicy: (name: string, spec: PolicySpec) => void policies.set(name, spec),
    addRole: (id: string, spec: RoleSpec) => void roles.set(id, spec),

    /** @returns undefined for a token that nobody knows */
    rights(secret: string): Rights | undefined {
      if (tokens.size === 0) return EVERYTHING;
      const token = secret === "" ? NOBODY : tokens.get(secret);
      // It is still there, and may still read itself, until it is collected (tried).
      const isExpired = token?.expiresAt !== undefined && Date.parse(token.expiresAt) <= now();
      return token && !isExpired ? rightsOf(token) : undefined;
    },

    /** A token's own record. */
    describeToken(secret: string) {
      const token = secret === "" ? NOBODY : tokens.get(secret);
      if (!token) return undefined;
      return {
        AccessorID: token.accessor,
        SecretID: token.secret,
        Name: token.name ?? "",
        Type: token.type ?? "client",
        Policies: token.policies ?? [],
        Roles: token.roles?.map((id) => ({ ID: id, Name: roles.get(id)?.name ?? "" })) ?? null,
        Global: false,
        Hash: null,
        CreateTime: "2026-01-01T00:00:00Z",
        ExpirationTime: token.expiresAt ?? null,
        ExpirationTTL: 0,
        CreateIndex: 8,
        ModifyIndex: 8,
      };
    },

    /** Whether a token may read a policy: management any, others their own. */
    canReadPolicy(secret: string, name: string): boolean {
      const token = tokens.get(secret);
      return token?.type === "management" || policiesOf(token).includes(name);
    },

    canReadRole(secret: string, id: string): boolean {
      const token = tokens.get(secret);
      return token?.type === "management" || (token?.roles ?? []).includes(id);
    },

    describeRole(id: string) {
      const role = roles.get(id);
      if (!role) return undefined;
      return {
        ID: id,
        Name: role.name,
        Description: "",
        Policies: role.policies.map((name) => ({ Name: name })),
        Hash: null,
        CreateIndex: 7,
        ModifyIndex: 7,
      };
    },

    describePolicy(name: string) {
      const spec = policies.get(name);
      if (!spec) return undefined;
      const rules = writeRules(spec);
      return {
        Name: name,
        Description: "",
        Rules: rules,
        RulesJSON: writeRulesJson(spec, rules),
        JobACL: null,
        Hash: null,
        CreateIndex: 7,
        ModifyIndex: 7,
      };
    },
  };
};

export type Acl = ReturnType<typeof createAcl>;
