import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bucket } from "../lambdas/config/bundle-account.ts";
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
