import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type Machine,
  recogniseServer,
} from "../../../../lambdas/retire/rules/recognise-server.ts";

const server = (Name: string, Addr: string, Status = "alive") => ({ Name, Addr, Status, Tags: {} });
const servers = [server("nomad-1.eu", "10.0.0.1"), server("nomad-2.eu", "10.0.0.2")];
const machine: Machine = {
  nodeName: "i-1",
  httpAddress: "10.0.1.7:4646",
  region: "eu",
  services: ["nomad-client", "web"],
};

describe("a machine", () => {
  for (const [title, changes, members, why] of [
    ["is no server by itself", {}, servers, undefined],
    [
      "is one by its address",
      { httpAddress: "10.0.0.2:4646" },
      servers,
      /Nomad's server nomad-2\.eu/,
    ],
    ["is one by its name", { nodeName: "nomad-1" }, servers, /Nomad's server nomad-1\.eu/],
    [
      "is none by a name in another region",
      { nodeName: "nomad-1", region: "us" },
      servers,
      undefined,
    ],
    ["is none by the begin of an address", { httpAddress: "10.0.0.20:4646" }, servers, undefined],
    [
      "is one by its address of version 6",
      { httpAddress: "[fd00::4646]:4646" },
      [server("nomad-1.eu", "fd00::4646")],
      /nomad-1\.eu/,
    ],
    [
      "is one as long as the server has only failed",
      { httpAddress: "10.0.0.1:4646" },
      [server("nomad-1.eu", "10.0.0.1", "failed")],
      /nomad-1\.eu/,
    ],
    [
      "is none where the server has left",
      { httpAddress: "10.0.0.1:4646" },
      [server("nomad-1.eu", "10.0.0.1", "left"), server("nomad-1.eu", "10.0.0.1", "reap")],
      undefined,
    ],
    [
      "is one of Consul by its service",
      { services: ["web", "consul"] },
      servers,
      /a Consul server/,
    ],
    ["is one of Nomad by its service", { services: ["nomad"] }, servers, /a Nomad server/],
    ["is one of Vault by its service", { services: ["vault"] }, servers, /a Vault server/],
    ["is none without Consul", { services: undefined }, servers, undefined],
    ["is none where nobody names a server", {}, [], undefined],
  ] as const) {
    test(title, () => {
      const answer = recogniseServer({ ...machine, ...changes }, members);
      if (why === undefined) assert.equal(answer, undefined);
      else assert.match(answer ?? "", why);
    });
  }
});
