import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startRegion } from "./region.ts";

describe("reaching Nomad's servers", () => {
  it("allows a hundred connections for each client address", async () => {
    const region = startRegion();
    const [node] = await region.addNodes(1);
    const path = `/v1/node/${node}?index=9999&wait=30s`;
    const held = Array.from({ length: 120 }, () => region.send("GET", path));
    const other = region.send("GET", "/v1/nodes", { service: region.nomad.connect() });
    const statuses = (await region.clock.until(Promise.all(held))).map(({ status }) => status);
    assert.equal(statuses.filter((status) => status === 429).length, 20);
    assert.equal(statuses.filter((status) => status === 200).length, 100);
    assert.equal((await region.clock.until(other)).status, 200);
    assert.equal((await region.call("GET", "/v1/nodes")).status, 200);
  });

  it("gives a connection free when its caller hangs up", async () => {
    const region = startRegion();
    const [node] = await region.addNodes(1);
    const caller = new AbortController();
    const path = `/v1/node/${node}?index=9999&wait=300s`;
    const held = Array.from({ length: 100 }, () =>
      region.send("GET", path, { signal: caller.signal }),
    );
    await region.clock.pass(1);
    assert.equal((await region.call("GET", "/v1/nodes")).status, 429);
    caller.abort();
    const ends = await region.clock.until(Promise.allSettled(held));
    assert.ok(ends.every(({ status }) => status === "rejected"));
    assert.equal((await region.call("GET", "/v1/nodes")).status, 200);
  });

  it("counts connections for each server", async () => {
    const region = startRegion();
    region.nomad.addServer({ name: "server-2", address: "10.0.0.2" });
    const ask = (host: string) =>
      region.nomad.service(new Request(`http://${host}:4646/v1/nodes?index=9999&wait=30s`));
    const held = Array.from({ length: 150 }, (_, index) =>
      ask(index % 2 === 0 ? "10.0.0.1" : "10.0.0.2"),
    );
    const answers = await region.clock.until(Promise.all(held));
    assert.ok(answers.every(({ status }) => status === 200));
  });

  it("is refused by a dead server, and served by another one behind a common name", async () => {
    const region = startRegion();
    region.nomad.addServer({ name: "server-2", address: "10.0.0.2" });
    region.nomad.setServerAlive("server-1", false);
    region.nomad.setLeader("server-2");
    const named = region.nomad.service(new Request("http://10.0.0.1:4646/v1/nodes"));
    await assert.rejects(region.clock.until(named), TypeError);
    assert.equal((await region.call("GET", "/v1/nodes")).status, 200);
    const members = JSON.parse((await region.call("GET", "/v1/agent/members")).text);
    assert.deepEqual(
      members.Members.map((member: { Status: string }) => member.Status),
      ["failed", "alive"],
    );
    assert.equal((await region.call("GET", "/v1/status/leader")).text, '"10.0.0.2:4647"');
  });

  it("meets a refusal or silence in an outage", async () => {
    const region = startRegion();
    region.nomad.setOutage("refused");
    await assert.rejects(region.call("GET", "/v1/nodes"), { message: "fetch failed" });
    region.nomad.setOutage("silent");
    const caller = new AbortController();
    const silent = region.send("GET", "/v1/nodes", { signal: caller.signal });
    silent.catch(() => undefined);
    await region.clock.pass(600);
    caller.abort(new Error("given up"));
    await assert.rejects(region.clock.until(silent), { message: "given up" });
    region.nomad.setOutage(undefined);
    assert.equal((await region.call("GET", "/v1/nodes")).status, 200);
  });
});
