/** What a token's policies grant. */
export interface ConsulGrants {
  readonly operator?: "read" | "write";
  /** On all nodes, or on those whose name has a prefix. */
  readonly node?: "read" | "write" | Readonly<Record<string, "read" | "write">>;
  readonly service?: "read" | "write";
  readonly agent?: "read" | "write";
}

export interface ConsulTokenSpec {
  readonly secret: string;
  readonly accessor: string;
  /** @default nothing */
  readonly grants?: ConsulGrants | "management";
  /** ISO 8601. @default never */
  readonly expiresAt?: string;
}

/** The rights of one request. */
export interface ConsulRights {
  /** How refusals name the token. */
  readonly who: string;
  operator(level: "read" | "write"): boolean;
  node(name: string, level: "read" | "write"): boolean;
  service(level: "read" | "write"): boolean;
}

const covers = (granted: "read" | "write" | undefined, level: "read" | "write") =>
  granted === "write" || granted === level;

const EVERYTHING: ConsulRights = {
  who: "anonymous token",
  operator: () => true,
  node: () => true,
  service: () => true,
};

const rightsOf = (who: string, grants: ConsulGrants): ConsulRights => ({
  who,
  operator: (level) => covers(grants.operator, level),
  service: (level) => covers(grants.service, level),
  node(name, level) {
    if (typeof grants.node !== "object") return covers(grants.node, level);
    const longest = Object.keys(grants.node)
      .filter((prefix) => name.startsWith(prefix))
      .sort((one, other) => other.length - one.length)[0];
    return longest !== undefined && covers(grants.node[longest], level);
  },
});

/** Tokens. Without any, ACLs are off; with some, whoever sends none may do nothing. */
export const createConsulAcl = (now: () => number) => {
  const tokens = new Map<string, ConsulTokenSpec>();
  const find = (secret: string): ConsulTokenSpec | undefined => {
    const token = tokens.get(secret);
    // One that has expired is unknown (tried).
    const isExpired = token?.expiresAt !== undefined && Date.parse(token.expiresAt) <= now();
    return isExpired ? undefined : token;
  };
  return {
    addToken: (token: ConsulTokenSpec) => void tokens.set(token.secret, token),
    removeToken: (secret: string) => void tokens.delete(secret),
    get enabled() {
      return tokens.size > 0;
    },

    /** What a token may learn about itself; undefined for one that nobody knows. */
    describeToken(secret: string) {
      const token = find(secret);
      return (
        token && {
          AccessorID: token.accessor,
          SecretID: token.secret,
          Description: "",
          Local: false,
          CreateTime: "2026-01-01T00:00:00Z",
          ...(token.expiresAt !== undefined && { ExpirationTime: token.expiresAt }),
        }
      );
    },

    /** @returns undefined for a token that nobody knows */
    rights(secret: string): ConsulRights | undefined {
      if (tokens.size === 0) return EVERYTHING;
      if (secret === "") return rightsOf("anonymous token", {});
      const token = find(secret);
      if (!token) return undefined;
      const who = `token with AccessorID '${token.accessor}'`;
      return token.grants === "management"
        ? { ...EVERYTHING, who }
        : rightsOf(who, token.grants ?? {});
    },
  };
};

export type ConsulAcl = ReturnType<typeof createConsulAcl>;
