/**
 * What looks like a secret, in files that many can read and that are kept for
 * long. Short on purpose: what a cluster's configuration is likely to hold, by
 * its form or by the name of its field.
 */

/** Anywhere in a line, this says that nothing in it is a secret. */
export const allowMark = "drover:not-a-secret";

const forms: readonly (readonly [string, RegExp])[] = [
  ["a private key", /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----/],
  ["an access key of AWS", /\b(?:AKIA|ASIA)[A-Z2-7]{16}\b/],
  ["a token of GitHub", /\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22,})/],
  ["a token of GitLab", /\bglpat-[A-Za-z0-9_-]{20,}/],
  ["a token of Slack", /\bxox[abeoprs]-[A-Za-z0-9-]{10,}/],
  ["a token of Vault", /\bhv[sbr]\.[A-Za-z0-9_-]{20,}/],
  ["a key of Google", /\bAIza[A-Za-z0-9_-]{35}\b/],
  ["a password in an URL", /\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@"'{}$]+:[^\s/:@"'{}$]{3,}@/],
];
// In every form is one of the first, in every field of a secret one of the second. Most lines have
// neither, which is seen ten times as quickly as that no form and no field is in them.
const formHints = /PRIVATE KEY-|A(?:KIA|SIA|Iza)|gh[pousr]_|github_pat_|glpat-|xox|hv[sbr]\.|:\/\//;
const fieldHints =
  /encrypt|passw|passphrase|secret|key|token|credential|agent|management|default|replication|registration/i;

// name = "value", name: value, "name": "value", NAME=value
const assignment =
  /(?<![A-Za-z0-9])["']?([A-Za-z0-9_.-]{2,60})["']?\s*(?:=>|[:=])\s*(?:"([^"]*)"|'([^']*)'|([^\s"',;#{}[\]]+))/g;
const secretFields =
  /(?:^|[_.-])(?:encrypt|password|passwd|passphrase|secret|secret[_-]?(?:access[_-]?)?key|secret[_-]?id|private[_-]?key|api[_-]?key|auth[_-]?key|gossip[_-]?key|(?:[a-z]+[_-])*token|credentials?)$/i;
/** The fields of Consul's `acl { tokens { … } }`, whose values are UUIDs. */
const tokenFields =
  /^(?:agent|agent_recovery|agent_master|initial_management|default|replication|config_file_service_registration)$/i;
const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** Bits per character. */
const entropyOf = (text: string): number => {
  const counts = new Map<string, number>();
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values())
    bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
};

/** Something that stands for a value and is none: a path, a template, a variable, an address. */
const standsIn = (value: string): boolean =>
  /^(?:\/|\.\/|https?:\/\/|arn:|\$|%|<|file:)|\{\{|\$\{/.test(value) ||
  /^(?:true|false|null|none|yes|no|on|off|disabled?|enabled?|required|optional|x+|\*+|-?\d{1,5})$/i.test(
    value,
  );

const holdsSecret = (field: string, value: string): boolean => {
  if (value.length < 8 || standsIn(value)) return false;
  if (tokenFields.test(field)) return uuid.test(value);
  if (!secretFields.test(field)) return false;
  return uuid.test(value) || value.length < 16 || entropyOf(value) > 2.5;
};

export interface SecretFault {
  readonly line: number;
  readonly message: string;
}

const remedy = `put it into Secrets Manager or SSM, name it in bundle.yaml under secrets and refer to it by {{drover.secret.<name>}}; if it is none, write ${allowMark} into a comment on this line, or its number under not-secrets of the file in bundle.yaml`;

/**
 * Finds what looks like a secret. The value itself is in no message.
 *
 * @param first - the number of the first line
 */
export const findSecrets = (text: string, first = 1): readonly SecretFault[] =>
  text.split("\n").flatMap((content, index): SecretFault[] => {
    const line = first + index;
    if (content.includes(allowMark)) return [];
    const form = formHints.test(content) && forms.find(([, pattern]) => pattern.test(content));
    if (form) return [{ line, message: `this looks like ${form[0]}: ${remedy}` }];
    if (!fieldHints.test(content)) return [];
    for (const [, field = "", double, single, bare] of content.matchAll(assignment)) {
      if (holdsSecret(field, double ?? single ?? bare ?? ""))
        return [{ line, message: `the value of ${field} looks like a secret: ${remedy}` }];
    }
    return [];
  });
