import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { consulCases } from "./consul.ts";
import { nomadTitles } from "./nomad.ts";

const root = join(import.meta.dirname, "..", "..");
const emulators = join(root, "test", "rehearsal", "emulators");

/** The rows of the last table of the document: a fact, and where it is held. */
const readFacts = (): { fact: string; places: string[] }[] => {
  const text = readFileSync(join(root, "docs", "nomad-and-consul.md"), "utf8");
  const lines = text.slice(text.indexOf("| Fact | Case |")).split("\n").slice(2);
  return lines
    .filter((line) => line.startsWith("|"))
    .map((line) => {
      const [, fact = "", places = ""] = line.split(/(?<!\\)\|/);
      return { fact: fact.trim(), places: places.split(";").map((place) => place.trim()) };
    });
};

void describe("the facts about Nomad and Consul", () => {
  it("are each held by a case or a test that there is", () => {
    const titles = new Set([...nomadTitles, ...Object.keys(consulCases)]);
    const facts = readFacts();
    assert.ok(facts.length > 40, `${facts.length} facts`);
    const missing = facts.flatMap(({ fact, places }) =>
      places
        .filter((place) => {
          const files = [...place.matchAll(/`([a-z/-]+\.test\.ts)`/g)].map((match) => match[1]!);
          if (files.length > 0) return !files.every((file) => existsSync(join(emulators, file)));
          return !titles.has(place);
        })
        .map((place) => `${fact}: ${place}`),
    );
    assert.deepEqual(missing, []);
  });
});
