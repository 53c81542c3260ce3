/** What Consul's servers store, in the names of its JSON answers. */

export interface CatalogNode {
  ID: string;
  Node: string;
  Address: string;
  Datacenter: string;
  TaggedAddresses: Record<string, string>;
  Meta: Record<string, string>;
  CreateIndex: number;
  ModifyIndex: number;
}

export interface CatalogService {
  ID: string;
  Service: string;
  Tags: string[];
  Address: string;
  Meta: Record<string, string>;
  Port: number;
  EnableTagOverride: boolean;
  CreateIndex: number;
  ModifyIndex: number;
}

export interface HealthCheck {
  Node: string;
  CheckID: string;
  Name: string;
  Status: "passing" | "critical";
  Output: string;
  ServiceID: string;
  ServiceName: string;
  ServiceTags: string[];
  CreateIndex: number;
  ModifyIndex: number;
}

export interface CatalogEntry {
  readonly node: CatalogNode;
  readonly services: Map<string, CatalogService>;
  readonly checks: Map<string, HealthCheck>;
}

export type MemberStatus = "alive" | "leaving" | "left" | "failed";

/** One row of the gossip pool's member list. */
export interface Member {
  readonly name: string;
  readonly address: string;
  readonly nodeId: string;
  status: MemberStatus;
}

/** Serf's numbers for what `consul members` spells out. */
export const STATUS_NUMBERS: Readonly<Record<MemberStatus, number>> = {
  alive: 1,
  leaving: 2,
  left: 3,
  failed: 4,
};
