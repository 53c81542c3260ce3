import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import type { HttpHandler } from "@smithy/protocol-http";
import { archiveKey, channelKey } from "../../lambdas/config/keys.ts";
import type { Outside } from "../../cli/outside.ts";
import { bundlePlaceParameter } from "../../lambdas/config/bundle-place.ts";
import { publishBundle } from "../../lambdas/config/publish-bundle.ts";
import { bucket, buildSome } from "../lambdas/config/bundle-account.ts";
import { useBundleCommands } from "./bundle-commands.ts";

const { account, source, write, drover, fine, json, publish } = useBundleCommands();

const report = (bundle: unknown, reason = "-", time = "2026-11-25T10:00:00Z") =>
  `drover-report 1\npool workers\ntime ${time}\nstate kept\nbundle ${String(bundle)}\nserial 1\nseconds 12\nstep done\nreason ${reason}\n`;

describe("what a terminal would obey", () => {
  it("is shown and not sent: the words of a machine", async () => {
    const { bundle } = await publish("--promote");
    account().s3.put(
      bucket,
      "reports/workers/AROA:i-0a",
      report(bundle, "\u009b2Jall is well\u202e"),
    );
    assert.match(await fine("bundles"), /kept +[0-9a-f]{12} .* \\u009b2Jall is well\\u202e\n/);
    const { machines } = await json("bundles");
    assert.deepEqual(
      (machines as readonly Record<string, unknown>[]).map(({ reason }) => reason),
      ["\u009b2Jall is well\u202e"],
    );
  });

  it("is shown and not sent: the files of a bundle", async () => {
    await publish("--promote");
    write("files/etc/motd", "hello\n\u001b[8mhidden\rvisible\n");
    assert.match(await fine("diff", source()), /\n\+\\u001b\[8mhidden\\u000dvisible\n/);
  });

  it("is shown and not sent: names of files", async () => {
    write("files/etc/\u202enosj.json", "{");
    const { error } = await drover(["publish", source(), "--pool", "workers"]);
    assert.match(error, /etc\/\\u202enosj\.json/);
  });
});

/** What a command says that comes to no result: one line, and no stack of calls. */
const fails = async (
  {
    code,
    said,
    outside = {},
  }: {
    readonly code: number;
    readonly said: RegExp;
    readonly outside?: Partial<Outside>;
  },
  ...args: readonly string[]
) => {
  const answer = await drover([...args, "--pool", "workers"], outside);
  assert.match(answer.error, said);
  const lines = answer.error.trimEnd().split("\n").length;
  assert.deepEqual([answer.code, answer.out, lines], [code, "", 1], answer.error);
};

describe("what a person hears in one line", () => {
  it("that the bucket is gone", async () => {
    const place = { bucket: "elsewhere", key: account().key };
    account().ssm.put(bundlePlaceParameter("default"), JSON.stringify(place));
    await fails(
      { code: 1, said: /there is no bucket where .*: deploy the bundle store/ },
      "bundles",
    );
  });

  it("that the key is disabled, or to be deleted", async () => {
    account().kms.disable(account().key);
    const said = /the key of the bundles cannot be used .*is disabled.*docs\/bundles\.md/;
    await fails({ code: 1, said }, "publish", source());
    account().kms.scheduleDeletion(account().key);
    const pending = /the key of the bundles cannot be used .*pending deletion/;
    await fails({ code: 1, said: pending }, "publish", source());
  });

  /** Answers some requests otherwise than the account would. */
  const answering = (
    isMeant: (request: Parameters<HttpHandler["handle"]>[0]) => boolean,
    answer: () => Response,
  ): Partial<Outside> => {
    const through = account().handler();
    const other = account().handler({ intercept: answer });
    return {
      awsHandler: {
        ...through,
        handle: (request, options) => (isMeant(request) ? other : through).handle(request, options),
      },
    };
  };

  it("that it may not look at something, where S3 gives no reason", async () => {
    await publish();
    const outside = answering(
      ({ method }) => method === "HEAD",
      () => new Response(null, { status: 403 }),
    );
    const said = /the AWS credentials are not enough: .*; needed are .*s3:GetObject/;
    await fails({ code: 2, said, outside }, "promote");
  });

  it("that the key is of another kind", async () => {
    await publish();
    const outside = answering(
      ({ headers }) => headers["x-amz-target"] === "TrentService.GetPublicKey",
      () =>
        Response.json(
          { PublicKey: "AAAA", KeySpec: "RSA_2048", KeyUsage: "SIGN_VERIFY" },
          { headers: { "content-type": "application/x-amz-json-1.1" } },
        ),
    );
    const said =
      /the key arn:.* is RSA_2048 for SIGN_VERIFY: bundles are signed by an ECC_NIST_P256/;
    await fails({ code: 1, said, outside }, "bundles");
  });

  it("that an archive was cut in the middle", async () => {
    const { bundle } = await publish("--promote");
    write("files/etc/motd", "good evening\n");
    const through = account().handler();
    const handle: HttpHandler["handle"] = async (request, options) => {
      const answer = await through.handle(request, options);
      if (request.path.endsWith(archiveKey("workers", String(bundle))) && request.method === "GET")
        answer.response.body = new Readable({
          read() {
            this.destroy(Object.assign(new Error("aborted"), { code: "ECONNRESET" }));
          },
        });
      return answer;
    };
    const outside = { awsHandler: { ...through, handle } };
    await fails(
      { code: 1, said: /the connection to AWS was cut .*try again/, outside },
      "diff",
      source(),
    );
  });

  it("that what was signed is no bundle", async () => {
    await publishBundle(account().desk(), buildSome("no tar"), [], {
      pool: "workers",
      promote: true,
      mover: { who: "mallory", now: account().clock.now() },
    });
    const said = /\(current\) was signed, and is no bundle .*header.*: see who published it/;
    await fails({ code: 1, said }, "diff", source());
  });

  it("that there is no folder for temporary files", async () => {
    const before = process.env["TMPDIR"];
    process.env["TMPDIR"] = "/nowhere";
    try {
      const said = /cannot be kept in \/nowhere \(ENOENT.*: make room there, or set TMPDIR/;
      await fails({ code: 1, said }, "diff", source());
    } finally {
      if (before === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = before;
    }
  });

  it("that there is more in the bucket than anybody writes", async () => {
    await publish("--promote");
    account().s3.put(bucket, channelKey("workers"), Buffer.alloc(1024 * 1024 + 1));
    await fails({ code: 1, said: /channels\/workers has more than 1048576 bytes/ }, "bundles");
  });

  it("that a pool has no such name, before it is asked anything", async () => {
    const { code, error } = await drover(["rollback", "--pool", "a b"], {
      confirm: () => Promise.reject(new Error("it was asked")),
    });
    assert.deepEqual([code, /--pool a b: it has to be/.test(error)], [2, true], error);
  });
});
