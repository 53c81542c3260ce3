/**
 * `{{drover.<name>}}` in files: what is one, what only looks like one, and the
 * reference of what a machine makes of them.
 */

/** Values that every instance has, with samples for checking what is rendered. */
export const plainNames = {
  instance_id: "i-0123456789abcdef0",
  instance_type: "m7g.large",
  availability_zone: "eu-west-1a",
  region: "eu-west-1",
  private_ip: "10.0.0.1",
  hostname: "ip-10-0-0-1",
  pool: "workers",
  cluster: "default",
  bundle: "0".repeat(64),
  serial: "1",
  launch_template_version: "1",
} as const;

const tagPattern = /^tag\.[A-Za-z0-9+\-=.,_:@]+$/;
const secretPattern = /^secret\.([A-Za-z0-9][A-Za-z0-9._-]*)$/;

// Whatever begins as a placeholder, in any writing: with spaces, trim markers, other case.
const beginning = /\{\{[\s!-]*drover(?![A-Za-z0-9_])/gi;
// One that is escaped is none, whatever follows.
const wellFormed = /\{\{(?:!+drover\.|drover\.([^{}\n]*)\}\})/y;

/** Where the files of secrets are on a machine. */
export const secretFolder = "/run/drover/secrets";

export interface PlaceholderFault {
  readonly line: number;
  readonly message: string;
}

export interface Placeholders {
  /** Whether a machine has anything to do to the text, which an escaped one is too. */
  readonly any: boolean;
  readonly faults: readonly PlaceholderFault[];
}

const isKnown = (name: string, secrets: ReadonlySet<string> | undefined): string | undefined => {
  if (Object.hasOwn(plainNames, name) || tagPattern.test(name)) return undefined;
  const secret = secretPattern.exec(name)?.[1];
  if (secret !== undefined) {
    return !secrets || secrets.has(secret)
      ? undefined
      : `there is no secret ${secret} in bundle.yaml: name it there under secrets`;
  }
  if (name.startsWith("tag.") && /\s/.test(name))
    return "a key with a space cannot be used here: give the tag another key";
  return `a machine knows no value ${JSON.stringify(name)}: use one of ${Object.keys(plainNames).join(", ")}, tag.<key> or secret.<name>`;
};

/**
 * Finds the placeholders of a text, and what is wrong with them.
 *
 * @param secrets - the names of those that the source has, undefined if these are not known
 */
export const findPlaceholders = (
  text: string,
  secrets: ReadonlySet<string> | undefined,
): Placeholders => {
  const faults: PlaceholderFault[] = [];
  let any = false;
  let line = 1;
  let counted = 0;
  for (const { index, 0: begun } of text.matchAll(beginning)) {
    for (let at = text.indexOf("\n", counted); at >= 0 && at < index;) {
      line += 1;
      counted = at + 1;
      at = text.indexOf("\n", counted);
    }
    any = true;
    wellFormed.lastIndex = index;
    const found = wellFormed.exec(text);
    if (!found) {
      faults.push({
        line,
        message: `${JSON.stringify(begun)} begins as a placeholder and is none: write {{drover.<name>}} without spaces, or {{!drover.<name>}} for the text itself`,
      });
    } else if (found[1] !== undefined) {
      const message = isKnown(found[1], secrets);
      if (message !== undefined) faults.push({ line, message: `${found[0]}: ${message}` });
    }
  }
  return { any, faults };
};

/** A machine does not take a text: a placeholder of it has no value, or is none. */
export class NotRendered extends Error {
  override readonly name = "NotRendered";
}

/**
 * What a machine makes of a text: the reference that its shell is held against.
 *
 * @param valueOf - the value of a name, undefined if there is none
 * @throws NotRendered with the name of the placeholder
 */
export const renderPlaceholders = (
  text: string,
  valueOf: (name: string) => string | undefined,
): string =>
  text.replaceAll(
    /\{\{!+drover\.|\{\{drover\.(?:([A-Za-z0-9+=.,_:@-]+)\}\})?/g,
    (found, name?: string) => {
      if (found.startsWith("{{!")) return found.replace("!", "");
      if (name === undefined) throw new NotRendered(`a placeholder that is none begins: ${found}`);
      const value = valueOf(name);
      if (value === undefined) throw new NotRendered(`there is no value for ${found}`);
      return value;
    },
  );

/** A value of the kind that a machine has, for checking the syntax of what is rendered. */
export const sampleOf = (name: string): string => {
  if (Object.hasOwn(plainNames, name)) return plainNames[name as keyof typeof plainNames];
  const secret = secretPattern.exec(name)?.[1];
  return secret === undefined ? "1" : `${secretFolder}/${secret}`;
};
