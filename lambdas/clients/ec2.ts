import { DescribeInstancesCommand, EC2Client } from "@aws-sdk/client-ec2";
import type { Surroundings } from "../runtime/surroundings.ts";
import { awsClientOptions } from "./aws.ts";

/** `running`, `terminated`, …, or `not found`: EC2 forgets an instance about an hour after its end. */
export type InstanceWord = string;

export interface Ec2 {
  /**
   * What EC2 says of each instance. One that is missing in its answer is missing
   * here too: that is no word.
   */
  wordsOn(instanceIds: readonly string[]): Promise<ReadonlyMap<string, InstanceWord>>;
}

const isNotFound = (error: unknown): error is Error =>
  error instanceof Error && error.name === "InvalidInstanceID.NotFound";

/** The error names all that there are not: `The instance IDs 'i-0a, i-0b' do not exist`. */
const idsIn = (message: string): string[] => message.match(/\bi-[0-9a-f]{8,32}\b/g) ?? [];

/** Of one function alone, which runs rarely and outside of the VPC (decision 0010). */
export const ec2Client = (surroundings: Surroundings): Ec2 => {
  const client = new EC2Client(awsClientOptions(surroundings));
  return {
    async wordsOn(instanceIds) {
      const words = new Map<string, InstanceWord>();
      let asked = [...new Set(instanceIds)];
      while (asked.length > 0) {
        try {
          const { Reservations } = await client.send(
            new DescribeInstancesCommand({ InstanceIds: asked }),
          );
          for (const { InstanceId, State } of (Reservations ?? []).flatMap(
            ({ Instances }) => Instances ?? [],
          )) {
            if (InstanceId && State?.Name) words.set(InstanceId, State.Name);
          }
          return words;
        } catch (error) {
          if (!isNotFound(error)) throw error;
          const missing = idsIn(error.message).filter((id) => asked.includes(id));
          // It names none of those that it was asked for: nothing is known then.
          if (missing.length === 0) throw error;
          for (const id of missing) words.set(id, "not found");
          asked = asked.filter((id) => !missing.includes(id));
        }
      }
      return words;
    },
  };
};
