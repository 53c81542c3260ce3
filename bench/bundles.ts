import { gzipSync } from "node:zlib";
import { buildFunctions } from "../infra/function-code.ts";
import type { Benchmark, Figure } from "./benchmark.ts";

/** Above this a bundle has taken something in that a handler does not need. */
const aim = 450;

/** How big the code of each function is, as it is loaded. A KB is 1,000 bytes. */
export const bundles: Benchmark = {
  name: "bundles",
  run: () => {
    const modules = buildFunctions().filter(({ path }) => path.endsWith(".mjs"));
    const figures = modules.map(({ path, contents }): Figure => ({
      what: path.replace("/index.mjs", ""),
      value: contents.length / 1000,
      unit: "KB",
      against: { what: "itself, zipped", value: gzipSync(contents).length / 1000 },
      aim,
    }));
    return Promise.resolve(figures);
  },
};
