import { testSeeds } from "./seeds.ts";

testSeeds(126, 125);
