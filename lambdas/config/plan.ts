import {
  FormatError,
  formatLine,
  type Line,
  none,
  numberOf,
  parseLines,
  sha256Of,
  valuesOf,
} from "./lines.ts";

export const architectures = ["amd64", "arm64"] as const;
export type Architecture = (typeof architectures)[number];

export const changeActions = ["restart", "reload", "none"] as const;
export type ChangeAction = (typeof changeActions)[number];

export const hookMoments = [
  "before-switch",
  "after-switch",
  "before-start",
  "after-start",
] as const;
export type HookMoment = (typeof hookMoments)[number];

export const secretStores = ["secretsmanager", "ssm"] as const;
export type SecretStore = (typeof secretStores)[number];

/** Who owns a path, and with which rights. */
export interface Ownership {
  /** `user:group` */
  readonly owner: string;
  /** Four octal digits. */
  readonly mode: string;
}

export interface OwnedPath extends Ownership {
  readonly path: string;
}

export interface PinnedBinary {
  readonly arch: Architecture;
  readonly sha256: string;
  /** Unknown for an URL whose size nobody gave. */
  readonly bytes?: number | undefined;
  /** `binaries/<sha256>` of the bucket, or an https URL. */
  readonly source: string;
  readonly mode: string;
  readonly path: string;
}

export interface BinaryCheck {
  readonly path: string;
  readonly args: readonly string[];
}

export interface FetchedSecret extends OwnedPath {
  readonly store: SecretStore;
  /** Its name in the store. */
  readonly id: string;
}

export interface Service {
  readonly name: string;
  readonly runlevel: string;
  readonly onChange: ChangeAction;
}

export interface Watch {
  readonly service: string;
  readonly path: string;
}

export interface Hook {
  readonly moment: HookMoment;
  /** `hooks/<name>` in the tar. */
  readonly path: string;
}

/** What a machine does with a bundle besides laying out its files. Paths are absolute. */
export interface Plan {
  readonly pool: string;
  readonly architectures: readonly Architecture[];
  readonly owned: readonly OwnedPath[];
  /** Files with placeholders. */
  readonly rendered: readonly string[];
  readonly binaries: readonly PinnedBinary[];
  readonly checks: readonly BinaryCheck[];
  readonly secrets: readonly FetchedSecret[];
  readonly services: readonly Service[];
  readonly watches: readonly Watch[];
  readonly hooks: readonly Hook[];
}

const format = "drover-plan";

/** @throws FormatError if a value cannot be written, which the checks of a source exclude */
export const formatPlan = (plan: Plan): string =>
  [
    formatLine(format, 1),
    formatLine("pool", plan.pool),
    ...plan.architectures.map((arch) => formatLine("arch", arch)),
    ...plan.owned.map(({ owner, mode, path }) => formatLine("own", owner, mode, path)),
    ...plan.rendered.map((path) => formatLine("render", path)),
    ...plan.binaries.map(({ arch, sha256, bytes, source, mode, path }) =>
      formatLine("binary", arch, sha256, bytes ?? none, source, mode, path),
    ),
    ...plan.checks.map(({ path, args }) => formatLine("binary-check", path, ...args)),
    ...plan.secrets.map(({ store, id, owner, mode, path }) =>
      formatLine("secret", store, id, owner, mode, path),
    ),
    ...plan.services.map(({ name, runlevel, onChange }) =>
      formatLine("service", name, runlevel, onChange),
    ),
    ...plan.watches.map(({ service, path }) => formatLine("watch", service, path)),
    ...plan.hooks.map(({ moment, path }) => formatLine("hook", moment, path)),
  ].join("");

const oneOf = <T extends string>(line: Line, known: readonly T[], text = ""): T => {
  const found = known.find((each) => each === text);
  if (found !== undefined) return found;
  throw new FormatError(
    `line ${line.number}: ${JSON.stringify(text)} is none of ${known.join(", ")}`,
  );
};

const modeOf = (line: Line, text = ""): string => {
  if (/^0[0-7]{3}$/.test(text)) return text;
  throw new FormatError(`line ${line.number}: ${JSON.stringify(text)} is no mode such as 0644`);
};

type Lists = { -readonly [K in keyof Omit<Plan, "pool">]: Plan[K][number][] };

/** What a line of each word adds, in the order in which the words come. */
const readers: Readonly<Record<string, (line: Line, lists: Lists) => unknown>> = {
  arch: (line, lists) => lists.architectures.push(oneOf(line, architectures, line.rest)),
  own: (line, lists) => {
    const [owner = "", mode, path = ""] = valuesOf(line, 3);
    lists.owned.push({ owner, mode: modeOf(line, mode), path });
  },
  render: (line, lists) => lists.rendered.push(...valuesOf(line, 1)),
  binary: (line, lists) => {
    const [arch, sha256 = "", bytes = "", source = "", mode, path = ""] = valuesOf(line, 6);
    lists.binaries.push({
      arch: oneOf(line, architectures, arch),
      sha256: sha256Of(line, sha256),
      ...(bytes !== none && { bytes: numberOf(line, bytes) }),
      source,
      mode: modeOf(line, mode),
      path,
    });
  },
  "binary-check": (line, lists) => {
    const [path = "", ...args] = line.rest.split(" ");
    lists.checks.push({ path, args });
  },
  secret: (line, lists) => {
    const [store, id = "", owner = "", mode, path = ""] = valuesOf(line, 5);
    const from = oneOf(line, secretStores, store);
    lists.secrets.push({ store: from, id, owner, mode: modeOf(line, mode), path });
  },
  service: (line, lists) => {
    const [name = "", runlevel = "", onChange] = valuesOf(line, 3);
    lists.services.push({ name, runlevel, onChange: oneOf(line, changeActions, onChange) });
  },
  watch: (line, lists) => {
    const [service = "", path = ""] = valuesOf(line, 2);
    lists.watches.push({ service, path });
  },
  hook: (line, lists) => {
    const [moment, path = ""] = valuesOf(line, 2);
    lists.hooks.push({ moment: oneOf(line, hookMoments, moment), path });
  },
};

/** @throws FormatError */
export const parsePlan = (text: string): Plan => {
  const lines = parseLines(text, format);
  const [, pool, ...others] = lines;
  if (pool?.word !== "pool" || pool.rest === "") {
    throw new FormatError('line 2: it has to begin with "pool "');
  }
  const lists: Lists = {
    architectures: [],
    owned: [],
    rendered: [],
    binaries: [],
    checks: [],
    secrets: [],
    services: [],
    watches: [],
    hooks: [],
  };
  const order = Object.keys(readers);
  let reached = 0;
  for (const line of others) {
    const place = order.indexOf(line.word);
    if (place < reached) {
      const why = place < 0 ? "is no word of a plan" : `cannot come after ${order[reached]}`;
      throw new FormatError(`line ${line.number}: ${line.word} ${why}`);
    }
    reached = place;
    readers[line.word]?.(line, lists);
  }
  return { pool: pool.rest, ...lists };
};
