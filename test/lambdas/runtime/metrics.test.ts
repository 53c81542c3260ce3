import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { embeddedMetrics } from "../../../lambdas/runtime/metrics.ts";

const clock = { now: () => 1_767_603_600_000, sleep: () => Promise.resolve() };
const reported = (values: Parameters<ReturnType<typeof embeddedMetrics>["report"]>[1]) => {
  const lines: string[] = [];
  embeddedMetrics("eu-1", clock, (line) => void lines.push(line)).report("workers", values);
  return lines;
};

describe("a metric", () => {
  test("is one line, with the pool as its only dimension, and a total without any", () => {
    const [line, ...more] = reported({ Retirements: 1, DrainSeconds: 12.5 });
    assert.deepEqual(more, []);
    assert.deepEqual(JSON.parse(line ?? ""), {
      _aws: {
        Timestamp: 1_767_603_600_000,
        CloudWatchMetrics: [
          {
            Namespace: "Drover/eu-1",
            Dimensions: [["pool"], []],
            Metrics: [
              { Name: "Retirements", Unit: "Count" },
              { Name: "DrainSeconds", Unit: "Seconds" },
            ],
          },
        ],
      },
      pool: "workers",
      Retirements: 1,
      DrainSeconds: 12.5,
    });
    assert.ok(!line?.includes("\n"));
  });

  test("is no line where there is none", () => assert.deepEqual(reported({}), []));
});
