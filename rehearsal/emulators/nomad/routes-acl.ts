import { HttpError } from "../hashicorp/http-error.ts";
import type { Acl } from "./acl.ts";
import { type Call, forbid, type Reading } from "./answers.ts";

/** What a token may learn about itself. */
export const createAclReads = (acl: Acl) => {
  const requireAcl = () => {
    if (!acl.enabled) throw new HttpError(400, "ACL support disabled");
  };
  const answer = (found: { ModifyIndex: number } | undefined, what: string): Reading => {
    // Like every answer about a thing it carries an index, here the zero.
    const missing = new HttpError(404, `${what} not found`);
    if (!found) return { index: 0, topics: [], body: null, missing };
    return { index: found.ModifyIndex, topics: [], body: found };
  };

  return {
    ownToken(this: void, call: Call): Reading {
      requireAcl();
      const found = call.token === "" ? undefined : acl.describeToken(call.token);
      if (!found && call.token.length !== 36) {
        const why =
          call.token === "" ? "missing secret id" : "index error: UUID must be 36 characters";
        throw new HttpError(500, `acl token lookup failed: ${why}`);
      }
      return answer(found, "ACL token");
    },
    policy(this: void, call: Call): Reading {
      requireAcl();
      const name = decodeURIComponent(call.params[0] ?? "");
      if (!acl.canReadPolicy(call.token, name)) forbid();
      return answer(acl.describePolicy(name), "ACL policy");
    },
    role(this: void, call: Call): Reading {
      requireAcl();
      const id = call.params[0] ?? "";
      if (!acl.canReadRole(call.token, id)) forbid();
      return answer(acl.describeRole(id), "ACL role");
    },
  };
};
