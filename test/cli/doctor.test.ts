import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { region } from "../../rehearsal/world.ts";
import { type DoctorWorld, type DoctorWorldOptions, raiseDoctorWorld } from "./doctor-world.ts";

let raised: DoctorWorld | undefined;
const raise = async (options?: DoctorWorldOptions): Promise<DoctorWorld> => {
  raised = await raiseDoctorWorld(options);
  return raised;
};
afterEach(() => {
  raised?.end();
  raised = undefined;
});

describe("drover doctor", () => {
  it("finds nothing wrong with a healthy deployment", async () => {
    const { drover } = await raise();
    const { code, out, error } = await drover("doctor", "--region", region);
    assert.equal(error, "");
    assert.equal(code, 0, out);
    console.log(out);
  });
});
