import { BadArguments, CannotFinish } from "./output.ts";

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : "");

/** What every answer of a service has that the SDK makes an error of. */
interface Answer {
  readonly $metadata: { readonly httpStatusCode?: number; readonly requestId?: string };
}

const isAnswer = (error: unknown): error is Error & Answer =>
  error instanceof Error && "$metadata" in error;

const unreached = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH/;
const cut = /ECONNRESET|EPIPE|socket hang up|^aborted$|TimeoutError/m;

const notEnough = (message: string, needed: string): BadArguments =>
  new BadArguments(`the AWS credentials are not enough: ${message}; needed are ${needed}`);

/** What has no name of its own here. */
const explainAnswer = (error: unknown, message: string, needed: string): unknown => {
  if (isAnswer(error) && (error.$metadata.httpStatusCode ?? 0) > 0) {
    const { httpStatusCode = 0, requestId } = error.$metadata;
    // The answer to a HEAD has no body that could say why.
    if (httpStatusCode === 403) return notEnough(`AWS answered 403 (${message})`, needed);
    const said = `AWS answered ${error.name}: ${message}${requestId === undefined ? "" : ` (request ${requestId})`}`;
    const mayPass = httpStatusCode >= 500 || httpStatusCode === 429 || /Throttl/.test(error.name);
    return new CannotFinish(mayPass ? `${said}: try again in a minute` : said);
  }
  if (/Region is missing/.test(message))
    return new BadArguments("there is no region: give --region, or set AWS_REGION");
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const failure = [nameOf(error), code, message].join("\n");
  if (unreached.test(failure))
    return new CannotFinish(
      `AWS is not reached from here (${message}): see to the network, and to the name of the region`,
    );
  if (cut.test(failure))
    return new CannotFinish(`the connection to AWS was cut (${message}): try again`);
  return error;
};

/**
 * What a person can do about an answer of AWS, or of the SDK before it asked.
 *
 * @param needed - the permissions that the work takes, as a list in words
 * @returns another error, or the same one if nothing is known about it
 */
export const explainAwsError = (error: unknown, needed: string): unknown => {
  const message = error instanceof Error ? error.message : String(error);
  switch (nameOf(error)) {
    case "CredentialsProviderError":
      return new BadArguments(
        `there are no AWS credentials (${message}): log in, or set AWS_PROFILE or AWS_ACCESS_KEY_ID`,
      );
    case "ExpiredToken":
    case "ExpiredTokenException":
    case "UnrecognizedClientException":
    case "InvalidClientTokenId":
    case "InvalidAccessKeyId":
    case "SignatureDoesNotMatch":
      return new BadArguments(`the AWS credentials are not accepted (${message}): log in again`);
    case "AccessDenied":
    case "AccessDeniedException":
      return notEnough(message, needed);
    case "NoSuchBucket":
      return new CannotFinish(
        `there is no bucket where the bundles have to be (${message}): deploy the bundle store again`,
      );
    case "DisabledException":
    case "KMSInvalidStateException":
      return new CannotFinish(
        `the key of the bundles cannot be used (${message}): enable it, or replace it as docs/bundles.md says`,
      );
    default:
      return explainAnswer(error, message, needed);
  }
};
