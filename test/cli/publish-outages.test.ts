import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, afterEach, before, describe, it } from "node:test";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { archiveKey, channelKey } from "../../lambdas/config/keys.ts";
import type { Service } from "../../rehearsal/emulators/service.ts";
import { serveOverHttp } from "../../rehearsal/wire.ts";
import { type Fault, startWire, type Wire } from "../node/world/wire.ts";
import { useBundleCommands } from "./bundle-commands.ts";

/** What connections do to a publisher; its own pauses take no time here, those of the SDK do. */

const { account, drover, source, write } = useBundleCommands();

let intercept: Service | undefined;
let server: Awaited<ReturnType<typeof serveOverHttp>>;
let wire: Wire;
before(async () => {
  server = await serveOverHttp((request) => (intercept ?? account().service)(request));
});
after(() => server.close());
afterEach(async () => {
  intercept = undefined;
  delete process.env["AWS_ENDPOINT_URL"];
  await wire.close();
});

const nameOf = (key: string): string => key.replace(/\?.*/, "");
const isArchive = (key: string): boolean => nameOf(key).endsWith(".tar.gz");

/** Publishes over a connection on which something happens. */
const publish = async (fault: Wire["fault"] = () => undefined) => {
  // More than a connection takes at once, and nothing that can be compressed.
  write("files/etc/blob", randomBytes(8_000_000));
  wire = await startWire(server.url);
  // The SDK adds the name of the operation.
  wire.fault = ({ key, method }, times) => fault({ key: nameOf(key), method }, times);
  process.env["AWS_ENDPOINT_URL"] = wire.endpoint;
  const awsHandler = new NodeHttpHandler({ connectionTimeout: 1000, socketTimeout: 1000 });
  const done = await drover(["publish", source(), "--pool", "workers", "--json"], { awsHandler });
  awsHandler.destroy();
  return done;
};

const passing: readonly (readonly [string, Fault, method?: string])[] = [
  ["500", { kind: "answer", status: 500, code: "InternalError" }],
  ["503", { kind: "answer", status: 503, code: "SlowDown" }],
  ["a connection that is cut in the middle of a request", { kind: "hang up" }],
  ["an answer that is cut", { kind: "cut" }, "GET"],
];

describe("trouble on the way of a publisher", () => {
  for (const [what, fault, wanted = "PUT"] of passing) {
    it(`passes: ${what}, twice for each ${wanted} of an object`, async () => {
      const { code, out, error } = await publish(({ method }, times) =>
        method === wanted && times <= 2 ? fault : undefined,
      );
      assert.deepEqual([code, error], [0, ""]);
      const { bundle } = JSON.parse(out) as { bundle: string };
      assert.ok(account().contents()[archiveKey("workers", bundle)]);
      const channel = account().channel();
      assert.deepEqual([channel?.candidate, channel?.serial], [bundle, 1]);
      // Each of them, and the same again twice.
      const asked = wire.asked.filter(({ method }) => method === wanted).map(({ key }) => key);
      const often = asked.map((key) => asked.filter((other) => other === key).length);
      assert.ok(often.length > 0 && Math.min(...often) >= 3, asked.join("\n"));
    });
  }

  it("passes: a server that says nothing", async () => {
    const { code, error } = await publish(({ key, method }, times) =>
      method === "PUT" && (isArchive(key) || key === channelKey("workers")) && times === 1
        ? { kind: "silence" }
        : undefined,
    );
    assert.deepEqual([code, error], [0, ""]);
    assert.equal(account().channel()?.serial, 1);
  });

  for (const [what, fault, said] of [
    [
      "503",
      { kind: "answer", status: 503, code: "SlowDown" },
      /^drover: AWS answered SlowDown: .*try again/,
    ],
    [
      "connections that are cut",
      { kind: "hang up" },
      /^drover: the connection to AWS was cut .*try again/,
    ],
  ] as const satisfies readonly (readonly [string, Fault, RegExp])[]) {
    it(`that does not pass is one clear error, and nothing is moved: ${what}`, async () => {
      const { code, out, error } = await publish(({ key, method }) =>
        method === "PUT" && isArchive(key) ? fault : undefined,
      );
      assert.match(error, said);
      assert.deepEqual([code, out, error.trimEnd().split("\n").length], [1, "", 1]);
      assert.deepEqual(account().contents(), {});
      const tries = wire.asked.filter(({ key, method }) => method === "PUT" && isArchive(key));
      assert.equal(tries.length, 4);
    });
  }

  it("passes: a KMS that is asked too often; and where it does not, nothing is moved", async () => {
    let signed = 0;
    const throttle = (times: number) => {
      intercept = (request) => {
        const isSign = request.headers.get("x-amz-target") === "TrentService.Sign";
        if (!isSign || ++signed > times) return account().service(request);
        const answer = { __type: "ThrottlingException", message: "Rate exceeded" };
        return Promise.resolve(Response.json(answer, { status: 400 }));
      };
    };
    throttle(2);
    assert.equal((await publish()).code, 0);
    assert.equal(account().channel()?.serial, 1);
    const stored = account().s3.get("drover-bundles", channelKey("workers"))?.content.bytes;
    await wire.close();

    signed = 0;
    throttle(Number.POSITIVE_INFINITY);
    const { code, error } = await publish();
    assert.match(error, /^drover: AWS answered ThrottlingException: Rate exceeded.*try again/);
    assert.deepEqual([code, signed], [1, 5]);
    assert.deepEqual(
      account().s3.get("drover-bundles", channelKey("workers"))?.content.bytes,
      stored,
    );
  });
});
