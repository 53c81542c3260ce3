import * as v from "valibot";
import { architectures, changeActions, secretStores } from "../../../lambdas/config/plan.ts";
import { isSha256, isSpeakable, isWord } from "../../../lambdas/config/lines.ts";

const word = v.pipe(
  v.string(),
  v.check(isWord, "has to be text without spaces and control characters"),
);
const absolute = v.pipe(
  v.string(),
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
  v.string(),
  v.regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
    "has to be letters, digits, dots, hyphens and underscores",
  ),
);
const secretId = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9/_+=.@:-]+$/, "has to be the name or the ARN of the entry in its store"),
);
const serviceName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, "has to be the name of an OpenRC service"),
  v.check((text) => text !== "drover", "is Drover's own service: name another"),
);
const owner = v.pipe(
  v.string(),
  v.regex(
    /^[a-z_0-9][a-z0-9_-]{0,31}:[a-z_0-9][a-z0-9_-]{0,31}$/,
    "has to be user:group, such as consul:consul",
  ),
);
const mode = v.pipe(
  v.string('has to be four octal digits in quotes, such as "0640"'),
  v.regex(
    /^0[0-7]{3}$/,
    'has to be four octal digits without set-uid, set-gid or sticky bit, such as "0640"',
  ),
);

const artifact = v.strictObject({
  source: v.pipe(
    word,
    v.check(
      (text) => text === "bucket" || /^https:\/\/[^/@]+\/./.test(text),
      'has to be an https URL of the binary itself, or "bucket" for one that is under binaries/<sha256> already',
    ),
  ),
  sha256: v.pipe(v.string(), v.check(isSha256, "has to be 64 hexadecimal digits in lower case")),
  bytes: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});

const hookList = v.optional(
  v.array(
    v.pipe(
      v.string(),
      v.regex(/^hooks\/[A-Za-z0-9][A-Za-z0-9_.-]*$/, "has to be hooks/<name of a script>"),
    ),
  ),
  [],
);

export const schema = v.strictObject({
  architectures: v.pipe(v.array(v.picklist(architectures)), v.minLength(1)),
  files: v.optional(
    v.array(
      v.strictObject({
        path: absolute,
        owner: v.optional(owner),
        mode: v.optional(mode),
        syntax: v.optional(v.picklist(["none"])),
        "not-secrets": v.optional(v.array(v.pipe(v.number(), v.integer(), v.minValue(1)))),
      }),
    ),
    [],
  ),
  binaries: v.optional(
    v.array(
      v.strictObject({
        path: binaryPath,
        mode: v.optional(mode, "0755"),
        check: v.optional(v.array(word)),
        amd64: v.optional(artifact),
        arm64: v.optional(artifact),
      }),
    ),
    [],
  ),
  secrets: v.optional(
    v.array(
      v.strictObject({
        name: secretName,
        from: v.picklist(secretStores),
        id: secretId,
        owner: v.optional(owner, "root:root"),
        mode: v.optional(mode, "0600"),
      }),
    ),
    [],
  ),
  services: v.optional(
    v.array(
      v.strictObject({
        name: serviceName,
        runlevel: v.optional(
          v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_-]*$/, "has to be a runlevel")),
          "default",
        ),
        "on-change": v.optional(v.picklist(changeActions), "restart"),
        watch: v.optional(v.array(absolute), []),
      }),
    ),
    [],
  ),
  hooks: v.optional(
    v.strictObject({
      "before-switch": hookList,
      "after-switch": hookList,
      "before-start": hookList,
      "after-start": hookList,
    }),
    {},
  ),
});

/** What `bundle.yaml` may say. */
export type DescriptionInput = v.InferInput<typeof schema>;

/** What it says, with the defaults of what it leaves out. */
export type Description = v.InferOutput<typeof schema>;

export const descriptionFile = "bundle.yaml";
