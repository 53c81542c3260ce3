/**
 * What CloudFormation sends to the function of a custom resource, as far as it is read here.
 *
 * Source: AWS CloudFormation User Guide, "Custom resource request types".
 */
export interface ResourceRequest {
  readonly RequestType: "Create" | "Update" | "Delete";
  /** Where it waits for the answer, signed beforehand. */
  readonly ResponseURL: string;
  readonly StackId: string;
  readonly RequestId: string;
  readonly LogicalResourceId: string;
  readonly PhysicalResourceId?: string;
  readonly ResourceProperties: Readonly<Record<string, unknown>>;
  /** Those before an update. */
  readonly OldResourceProperties?: Readonly<Record<string, unknown>>;
}

/** Bytes; CloudFormation takes 4,096 of a whole answer. */
const reasonLength = 1000;

/**
 * Tells CloudFormation how it went, so that a deployment that cannot succeed fails at once, with
 * the reason. What is deleted was never more than a step of the deployment: that always succeeds.
 *
 * @param work - has to be the same when it is done again; returns the attributes of the resource
 * @throws Error when CloudFormation did not take the answer: Lambda then begins again, twice
 */
export const answerCloudFormation = async (
  request: ResourceRequest,
  work: (properties: Readonly<Record<string, unknown>>) => Promise<Record<string, string>>,
): Promise<void> => {
  let outcome: Record<string, unknown>;
  try {
    const Data =
      request.RequestType === "Delete" ? undefined : await work(request.ResourceProperties);
    outcome = { Status: "SUCCESS", Data };
  } catch (error) {
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    outcome = { Status: "FAILED", Reason: reason.slice(0, reasonLength) };
  }
  const answer = {
    ...outcome,
    StackId: request.StackId,
    RequestId: request.RequestId,
    LogicalResourceId: request.LogicalResourceId,
    // Another one would have the old deleted.
    PhysicalResourceId: request.PhysicalResourceId ?? request.LogicalResourceId,
  };
  const taken = await fetch(request.ResponseURL, {
    method: "PUT",
    // As bytes: the type of a text would be part of what is signed.
    body: new TextEncoder().encode(JSON.stringify(answer)),
  });
  if (!taken.ok) throw new Error(`CloudFormation did not take the answer: ${taken.status}`);
};
