import { testSeeds } from "./seeds.ts";

testSeeds(376, 125);
