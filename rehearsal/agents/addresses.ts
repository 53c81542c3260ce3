import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/** Loopback addresses of one cluster: `127.a.b.1` to `127.a.b.254`. */
export interface AddressBlock {
  /** Gives an address that no other machine of the cluster has. */
  next(): string;
  /** Gives the block back. */
  release(): void;
}

const tryToClaim = async (prefix: string): Promise<AddressBlock | undefined> => {
  // The listening socket is the claim: one other process may have the same block in mind.
  const claim = createServer().listen(4646, `${prefix}.1`);
  claim.unref();
  try {
    await once(claim, "listening");
  } catch {
    return undefined;
  }
  let last = 9;
  return {
    next: () => {
      last += 1;
      if (last > 254) throw new Error(`no address is left in ${prefix}.0/24`);
      return `${prefix}.${last}`;
    },
    release: () => claim.close(),
  };
};

/**
 * Claims a block of loopback addresses. Each machine of a cluster has one of its own, on which its
 * agents listen on their usual ports: Drover tells servers from clients by address. (Linux answers on
 * all of 127.0.0.0/8; other systems do not.)
 */
export const claimAddressBlock = async (): Promise<AddressBlock> => {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    // 127.0.x.y is left alone: other programs use addresses in it.
    const block = await tryToClaim(`127.${randomInt(1, 255)}.${randomInt(0, 255)}`);
    if (block !== undefined) return block;
  }
  throw new Error("no block of loopback addresses is free; live agents need Linux");
};
