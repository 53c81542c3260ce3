import { DynamoDBClient, paginateScan } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import type { Surroundings } from "../runtime/surroundings.ts";
import { awsClientOptions } from "./aws.ts";
import type { Lease, Ownership } from "./records.ts";

/** Everything that the table holds: retirements of the last week, and leases. */
export interface AllRecords {
  readonly owned: readonly Ownership[];
  readonly leases: readonly Lease[];
}

export interface RecordsReader {
  /** Reads the whole table, a megabyte with each call; some thousand items are one. */
  read(): Promise<AllRecords>;
}

export const recordsReader = (surroundings: Surroundings, table: string): RecordsReader => {
  const client = new DynamoDBClient(awsClientOptions(surroundings));
  const { clock } = surroundings;
  return {
    async read() {
      const owned: Ownership[] = [];
      const leases: Lease[] = [];
      const pages = paginateScan({ client }, { TableName: table, ConsistentRead: true });
      for await (const { Items } of pages) {
        for (const item of Items ?? []) {
          const { pk, ownership, holder, until, ttl } = unmarshall(item);
          // DynamoDB deletes what has expired some days later.
          if (typeof ttl === "number" && ttl * 1000 < clock.now()) continue;
          if (ownership) owned.push(ownership as Ownership);
          else if (holder) {
            const lease = { key: pk as string, holder: holder as string, until: until as number };
            leases.push(lease);
          }
        }
      }
      return { owned, leases };
    },
  };
};
