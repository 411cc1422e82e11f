import { describe, expect, it } from "vitest";
import { editDistance, nearest } from "../../src/nearest.ts";

describe("editDistance", () => {
  it.each([
    ["", "", 0],
    ["", "abc", 3],
    ["abc", "abc", 0],
    ["kitten", "sitting", 3],
    ["offset", "ofsfet", 1],
    ["abcd", "badc", 2],
    ["flaw", "lawn", 2],
  ])("of %j and %j is %i", (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
    expect(editDistance(b, a)).toBe(distance);
  });
});

describe("nearest", () => {
  const words = ["--offset", "--clock", "--pid", "--container"];

  it("finds what was meant", () => {
    expect(nearest("--ofset", words)).toBe("--offset");
    expect(nearest("--CLOKC", words)).toBe("--clock");
    expect(nearest("--contianers", words)).toBe("--container");
  });

  it("finds nothing where nothing is near", () => {
    expect(nearest("--frobnicate", words)).toBeUndefined();
    expect(nearest("x".repeat(100_000), words)).toBeUndefined();
    expect(nearest("", [])).toBeUndefined();
    expect(nearest("foo", ["now"])).toBeUndefined();
    expect(nearest("pwsh", ["bash", "zsh", "fish"])).toBeUndefined();
  });

  it("takes the first of equals", () => {
    expect(nearest("bat", ["cat", "hat"])).toBe("cat");
  });
});
