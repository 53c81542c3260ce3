import { createPrivateKey, X509Certificate } from "node:crypto";

/** What a secret is for. */
export type SecretUse = "token" | "ca" | "clientCertificate" | "clientKey";

export interface SecretProblem {
  readonly severity: "warning" | "error";
  readonly what: string;
  readonly remedy: string;
}

const day = 86_400_000;
/** How long before the end of a certificate or a token one is told. */
export const soonDays = 14;

const titles: Readonly<Record<SecretUse, string>> = {
  token: "a token",
  ca: "the PEM of a certificate authority",
  clientCertificate: "the PEM of a certificate",
  clientKey: "the PEM of a private key",
};

const certificatesIn = (text: string): X509Certificate[] =>
  (text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(
    (pem) => new X509Certificate(pem),
  );

const judgeValidity = (
  certificates: readonly X509Certificate[],
  now: number,
): SecretProblem | undefined => {
  const ends = Math.min(...certificates.map(({ validTo }) => Date.parse(validTo)));
  const begins = Math.max(...certificates.map(({ validFrom }) => Date.parse(validFrom)));
  const remedy = "put a new one into the secret: it is read within five minutes";
  const onDay = (time: number) => new Date(time).toISOString().slice(0, 10);
  if (ends <= now)
    return { severity: "error", what: `a certificate expired on ${onDay(ends)}`, remedy };
  if (begins > now)
    return { severity: "error", what: `a certificate is valid from ${onDay(begins)} only`, remedy };
  if (ends - now < soonDays * day)
    return { severity: "warning", what: `a certificate expires on ${onDay(ends)}`, remedy };
  return undefined;
};

/**
 * What is wrong with the text of a secret. Nothing of the text is in what is
 * said of it.
 *
 * @param now - milliseconds since the epoch
 */
export const judgeSecret = (
  use: SecretUse,
  text: string | undefined,
  now: number,
): SecretProblem | undefined => {
  const remedy = `put ${titles[use]} into it, as plain text and nothing else`;
  const wrong = (what: string): SecretProblem => ({ severity: "error", what, remedy });
  if (text === undefined || text.trim() === "") return wrong("the secret holds no text");
  if (/^\s*[{[]/.test(text)) return wrong("the secret holds JSON (key and value, perhaps)");
  if (use === "token") {
    // What a header cannot carry is none, and what a person pasted may have more around it.
    return /^[\x21-\x7e]+$/.test(text.trim())
      ? undefined
      : wrong("the secret holds blanks or characters that no token has");
  }
  if (use === "clientKey") {
    try {
      createPrivateKey(text);
      return undefined;
    } catch {
      return wrong("the secret holds no private key in PEM without a passphrase");
    }
  }
  try {
    const certificates = certificatesIn(text);
    if (certificates.length === 0) return wrong("the secret holds no certificate in PEM");
    return judgeValidity(certificates, now);
  } catch {
    return wrong("the secret holds a certificate that cannot be read");
  }
};
