import * as v from "valibot";
import { architectures, changeActions, secretStores } from "../../../lambdas/config/plan.ts";
import { isSha256, isSpeakable, isWord } from "../../../lambdas/config/lines.ts";

/** A mapping; `example` says for its fields how one that is missing is written. */
const mapping = <const T extends v.ObjectEntries>(
  entries: T,
  example: Readonly<Record<string, string>> = {},
) =>
  v.strictObject(entries, ({ expected, received }) => {
    const names = Object.keys(entries).join(", ");
    if (expected === "never")
      return `there is no field ${received.slice(1, -1)}; there are ${names}`;
    const missing = Object.keys(entries).find((key) => expected === JSON.stringify(key));
    return missing === undefined
      ? `has to be a mapping with fields of ${names}, each as "field: value"`
      : `is missing: add ${missing}: ${example[missing] ?? "<value>"}`;
  });

/** A list; `example` is one that is right. */
const list = <const T extends v.GenericSchema>(item: T, example: string) =>
  v.array(item, `has to be a list, such as ${example}`);

const text = v.string("has to be text: put a number or a date in quotes");

const oneOf = <const T extends readonly string[]>(values: T) =>
  v.picklist(values, `has to be ${values.join(" or ")}`);

const word = v.pipe(text, v.check(isWord, "has to be text without spaces and control characters"));
const absolute = v.pipe(
  text,
  v.check(
    (path) =>
      isSpeakable(path) &&
      /^\/[^/]/.test(path) &&
      path.split("/").every((part, index) => index === 0 || !["", ".", ".."].includes(part)),
    "has to be an absolute path without `.`, `..` or a slash at its end, such as /etc/consul.d",
  ),
);
const binaryPath = v.pipe(absolute, v.check(isWord, "has to be a path without spaces"));
const secretName = v.pipe(
  text,
  v.regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
    "has to be letters, digits, dots, hyphens and underscores",
  ),
);
const secretId = v.pipe(
  text,
  v.check(
    (id) => !id.includes("{{"),
    "has a placeholder, and these work in files/ only: write the id itself",
  ),
  v.regex(/^[A-Za-z0-9/_+=.@:-]+$/, "has to be the name or the ARN of the entry in its store"),
);
const serviceName = v.pipe(
  text,
  v.regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, "has to be the name of an OpenRC service"),
  v.check((text) => text !== "drover", "is Drover's own service: name another"),
);
const owner = v.pipe(
  text,
  v.regex(
    /^[a-z_0-9][a-z0-9_-]{0,31}:[a-z_0-9][a-z0-9_-]{0,31}$/,
    "has to be user:group, such as consul:consul",
  ),
);
const mode = v.pipe(
  v.string('has to be four octal digits in quotes, such as "0640"'),
  v.check(
    (digits) => !/^[0-7]{3}$/.test(digits),
    ({ input }) => `has three digits: write "0${input}"`,
  ),
  v.regex(
    /^0[0-7]{3}$/,
    'has to be four octal digits without set-uid, set-gid or sticky bit, such as "0640"',
  ),
);

const whole = "has to be a whole number from 1";
const count = v.pipe(v.number(whole), v.integer(whole), v.minValue(1, whole));

const artifact = mapping(
  {
    source: v.pipe(
      word,
      v.check(
        (url) => !/^https:\/\/[^/]*@/.test(url),
        "has credentials in its URL, which everybody could read: give a URL without them",
      ),
      v.check(
        (text) => text === "bucket" || /^https:\/\/[^/]+\/./.test(text),
        'has to be an https URL of the binary itself, or "bucket" for one that is under binaries/<sha256> already',
      ),
    ),
    sha256: v.pipe(text, v.check(isSha256, "has to be 64 hexadecimal digits in lower case")),
    bytes: v.optional(count),
  },
  { source: "<https URL of the binary>", sha256: "<its 64 hexadecimal digits>" },
);

const hookList = v.optional(
  list(
    v.pipe(
      text,
      v.regex(/^hooks\/[A-Za-z0-9][A-Za-z0-9_.-]*$/, "has to be hooks/<name of a script>"),
    ),
    "[hooks/make-users]",
  ),
  [],
);

export const schema = mapping(
  {
    architectures: v.pipe(
      list(oneOf(architectures), "[amd64]"),
      v.minLength(1, "is empty: write [amd64]"),
    ),
    files: v.optional(
      list(
        mapping({
          path: absolute,
          owner: v.optional(owner),
          mode: v.optional(mode),
          syntax: v.optional(oneOf(["none"])),
          "not-secrets": v.optional(list(count, "[3, 17]")),
        }),
        '"- path: /etc/nginx/nginx.conf"',
      ),
      [],
    ),
    binaries: v.optional(
      list(
        mapping({
          path: binaryPath,
          mode: v.optional(mode, "0755"),
          check: v.optional(list(word, "[-v]")),
          amd64: v.optional(artifact),
          arm64: v.optional(artifact),
        }),
        '"- path: /usr/local/bin/nomad"',
      ),
      [],
    ),
    secrets: v.optional(
      list(
        mapping({
          name: secretName,
          from: oneOf(secretStores),
          id: secretId,
          owner: v.optional(owner, "root:root"),
          mode: v.optional(mode, "0600"),
        }),
        '"- name: tls.pem"',
      ),
      [],
    ),
    services: v.optional(
      list(
        mapping({
          name: serviceName,
          runlevel: v.optional(
            v.pipe(text, v.regex(/^[a-z][a-z0-9_-]*$/, "has to be a runlevel")),
            "default",
          ),
          "on-change": v.optional(oneOf(changeActions), "restart"),
          watch: v.optional(list(absolute, "[/etc/nginx/*]"), []),
        }),
        '"- name: nginx"',
      ),
      [],
    ),
    hooks: v.optional(
      mapping({
        "before-switch": hookList,
        "after-switch": hookList,
        "before-start": hookList,
        "after-start": hookList,
      }),
      {},
    ),
  },
  { architectures: "[amd64]" },
);

/** What `bundle.yaml` may say. */
export type DescriptionInput = v.InferInput<typeof schema>;

/** What it says, with the defaults of what it leaves out. */
export type Description = v.InferOutput<typeof schema>;

export const descriptionFile = "bundle.yaml";
