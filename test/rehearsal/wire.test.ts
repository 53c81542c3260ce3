import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { afterEach, describe, it } from "node:test";

import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { HttpRequest } from "@smithy/protocol-http";
import type { HttpHandler } from "@smithy/protocol-http";

import type { Service } from "../../rehearsal/emulators/service.ts";
import { createSsm } from "../../rehearsal/emulators/ssm.ts";
import type { Call, WireOptions } from "../../rehearsal/wire.ts";
import { routeByHost, serveInProcess, serveOverHttp } from "../../rehearsal/wire.ts";
import { createManualClock } from "./emulators/manual-clock.ts";

const region = "eu-west-1";
const credentials = { accessKeyId: "key", secretAccessKey: "secret" };

const wire = (service: Service, options: Partial<WireOptions> = {}) => {
  const clock = createManualClock();
  const calls: Call[] = [];
  const handler = serveInProcess(service, {
    clock,
    onCall: (call) => void calls.push(call),
    ...options,
  });
  return { clock, calls, handler };
};

const get = (more: Partial<HttpRequest> = {}) =>
  new HttpRequest({ protocol: "http:", hostname: "nomad", port: 4646, path: "/v1/nodes", ...more });

const textOf = async (answer: Awaited<ReturnType<HttpHandler["handle"]>>): Promise<string> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.response.body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

describe("in process", () => {
  it("hands requests on whole and answers with a stream", async () => {
    const { handler, calls } = wire(async (request) => {
      const { pathname, searchParams, host } = new URL(request.url);
      const said = [request.method, host, pathname, searchParams.getAll("filter").join("|")];
      said.push(request.headers.get("x-nomad-token") ?? "", await request.text());
      return new Response(said.join("\n"), { status: 202, headers: { "X-Nomad-Index": "7" } });
    });
    const answer = await handler.handle(
      get({
        method: "PUT",
        query: { filter: ['Name == "a&b"', "*('x')"], stale: "" },
        headers: { "X-Nomad-Token": "token" },
        body: '{"ü":1}',
      }),
    );
    assert.equal(answer.response.statusCode, 202);
    assert.equal(answer.response.headers["x-nomad-index"], "7");
    assert.equal(
      await textOf(answer),
      ["PUT", "nomad:4646", "/v1/nodes", "Name == \"a&b\"|*('x')", "token", '{"ü":1}'].join("\n"),
    );
    assert.deepEqual(calls, [
      { host: "nomad:4646", service: "nomad:4646", operation: "PUT /v1/nodes", status: 202 },
    ]);
  });

  it("takes a body that comes as a stream, and fails with it", async () => {
    const { handler, calls } = wire(async (request) => new Response(await request.text()));
    const send = (body: Readable) => handler.handle(get({ method: "PUT", body }));
    assert.equal(
      await textOf(await send(Readable.from([Buffer.from("one "), Buffer.from("two")]))),
      "one two",
    );
    const broken = new Readable({ read: () => void broken.destroy(new Error("the disk is gone")) });
    await assert.rejects(send(broken), /the disk is gone/);
    assert.deepEqual(
      calls.map(({ status }) => status),
      [200, "failed"],
    );
  });

  it("names the operations of AWS", async () => {
    const ssm = createSsm({ now: () => 0 });
    ssm.put("name", "value");
    const { handler, calls } = wire(ssm.service);
    const client = new SSMClient({ region, credentials, requestHandler: handler });
    const { Parameter } = await client.send(new GetParameterCommand({ Name: "name" }));
    assert.equal(Parameter?.Value, "value");
    assert.partialDeepStrictEqual(calls, [
      { host: "ssm.eu-west-1.amazonaws.com", service: "ssm", operation: "GetParameter" },
    ]);
  });

  it("gives up when the clock says so, and tells the service", async () => {
    let hungUp = false;
    const { handler, calls, clock } = wire(
      (request) =>
        new Promise(() => {
          request.signal.addEventListener("abort", () => (hungUp = true));
        }),
      { requestTimeout: 60_000 },
    );
    const answer = handler.handle(get(), { requestTimeout: 5_000 });
    const refused = assert.rejects(answer, { name: "TimeoutError" });
    await clock.pass(4_999);
    assert.equal(hungUp, false);
    await clock.pass(1);
    await refused;
    assert.equal(hungUp, true);
    assert.equal(calls[0]?.status, "timed out");
  });

  it("gives up when the caller does, before and during the call", async () => {
    const { handler, calls } = wire(() => new Promise(() => undefined));
    const controller = new AbortController();
    const answer = handler.handle(get(), { abortSignal: controller.signal });
    controller.abort();
    await assert.rejects(answer, { name: "AbortError" });
    await assert.rejects(handler.handle(get(), { abortSignal: controller.signal }), {
      name: "AbortError",
    });
    assert.deepEqual(
      calls.map(({ status }) => status),
      ["aborted", "aborted"],
    );
  });

  it("lets a fault answer, or come before the service", async () => {
    const seen: string[] = [];
    const { handler, calls } = wire(async () => new Response("real"), {
      intercept: async (call, request) => {
        seen.push(`${call.operation} ${await request.text()}`);
        if (seen.length === 1) return new Response("busy", { status: 429 });
        if (seen.length === 2) throw new Error("connection reset");
        return undefined;
      },
    });
    const request = get({ method: "POST", body: "x" });
    assert.equal((await handler.handle(request)).response.statusCode, 429);
    await assert.rejects(handler.handle(request), /connection reset/);
    assert.equal(await textOf(await handler.handle(request)), "real");
    assert.deepEqual(seen, Array(3).fill("POST /v1/nodes x"));
    assert.deepEqual(
      calls.map(({ status }) => status),
      [429, "failed", 200],
    );
  });
});

describe("the router", () => {
  const says =
    (text: string): Service =>
    async () =>
      new Response(text);
  const route = routeByHost({
    "nomad:4646": says("port"),
    nomad: says("name"),
    "*.s3.internal": says("any bucket"),
  });

  it("knows host with port, then host, then whatever is below one, and refuses all others", async () => {
    assert.equal(await (await route(new Request("http://nomad:4646/"))).text(), "port");
    assert.equal(await (await route(new Request("http://nomad:8500/"))).text(), "name");
    assert.equal(
      await (await route(new Request("http://bundles.s3.internal/"))).text(),
      "any bucket",
    );
    await assert.rejects(route(new Request("http://s3.internal/")), /nobody serves s3.internal/);
    await assert.rejects(route(new Request("http://consul:8500/")), /nobody serves consul:8500/);
  });
});

describe("on loopback", () => {
  let close: () => Promise<void> = async () => undefined;
  afterEach(() => close());

  const serve = async (service: Service) => {
    const served = await serveOverHttp(service);
    ({ close } = served);
    return served.url;
  };

  it("serves clients of the SDK, which find their service by the signature", async () => {
    const ssm = createSsm({ now: () => 0 });
    ssm.put("name", "value");
    const endpoint = await serve(routeByHost({ "ssm.eu-west-1.amazonaws.com": ssm.service }));
    const client = new SSMClient({ region, credentials, endpoint });
    const { Parameter } = await client.send(new GetParameterCommand({ Name: "name" }));
    assert.equal(Parameter?.Value, "value");
    await assert.rejects(client.send(new GetParameterCommand({ Name: "other" })), {
      name: "ParameterNotFound",
    });
    client.destroy();
  });

  it("tells the service when the caller has gone", async () => {
    const { promise: hungUp, resolve } = Promise.withResolvers<void>();
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
    const url = await serve((request) => {
      arrive();
      request.signal.addEventListener("abort", () => resolve());
      return new Promise(() => undefined);
    });
    const controller = new AbortController();
    const answer = fetch(url, { signal: controller.signal });
    await arrived;
    controller.abort();
    await assert.rejects(answer);
    await hungUp;
  });

  it("answers 500 when the service throws", async () => {
    const url = await serve(async () => {
      throw new Error("not emulated");
    });
    const response = await fetch(url, { method: "POST", body: "x" });
    assert.equal(response.status, 500);
    assert.match(await response.text(), /not emulated/);
  });
});
