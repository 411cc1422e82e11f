import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

const DIST = new URL("../../../dist/", import.meta.url);

/** The text of a bundle's file, and of all that it imports before it runs. */
function startUp(name: string, seen = new Set<string>()): string {
  if (seen.has(name)) return "";
  seen.add(name);
  const text = readFileSync(new URL(name, DIST), "utf8");
  const imports = text.matchAll(/^(?:import|export)\b[^;]*?"\.\/([^"]+)";/gms);
  return text + [...imports].map(([, each = ""]) => startUp(each, seen)).join("");
}

it("elfy comes with the engine, and not at start-up", () => {
  const marks = /node_modules\/elfy\//;
  expect(startUp("cli.js")).not.toMatch(marks);
  expect(startUp("supervise.js")).toMatch(marks);
});
