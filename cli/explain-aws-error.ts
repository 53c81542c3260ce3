import { BadArguments, CannotFinish } from "./output.ts";

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : "");

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
      return new BadArguments(
        `the AWS credentials are not enough: ${message}; needed are ${needed}`,
      );
    default:
      if (/Region is missing/.test(message))
        return new BadArguments("there is no region: give --region, or set AWS_REGION");
      if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH/.test(message))
        return new CannotFinish(
          `AWS is not reached from here (${message}): see to the network, and to the name of the region`,
        );
      return error;
  }
};
