/**
 * Files of /proc are read whole, or not at all if they have no end.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { MOST_TEXT, readText } from "../../../src/target/read.ts";

const FILE = "/proc/self/limits";

describe("readText", () => {
  const whole = readFileSync(FILE, "utf8");
  const size = Buffer.byteLength(whole);

  it("gives the whole text, however many reads it takes", () => {
    expect(readText(FILE)).toBe(whole);
    expect(readText("/proc/kallsyms")).toBe(readFileSync("/proc/kallsyms", "utf8"));
  });

  it.each([
    [size, whole],
    [size + 1, whole],
    [size - 1, undefined],
    [0, undefined],
  ])("with a limit of %i bytes", (limit, expected) => {
    expect(readText(FILE, limit)).toBe(expected);
  });

  it("comes back from a file without an end", () => {
    expect(readText("/dev/zero")).toBeUndefined();
    expect(MOST_TEXT).toBeLessThan(0x1fff_ffe8); // what a string of Node 20 holds
  });

  it("throws what the kernel says", () => {
    expect(() => readText("/proc/self/none")).toThrow(expect.objectContaining({ code: "ENOENT" }));
  });
});
