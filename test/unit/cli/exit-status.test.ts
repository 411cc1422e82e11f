import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { EXIT_STATUS, errorCodesOf } from "../../../src/cli/exit-status.ts";
import { EXIT_CODES } from "../../../src/errors.ts";

it("says what each exit code means", () => {
  const known = new Set([0, ...Object.values(EXIT_CODES)]);
  expect(EXIT_STATUS.map(([status]) => status)).toEqual([...known].sort((a, b) => a - b));
  expect(errorCodesOf(3)).toEqual(["E_NO_TARGET", "E_GONE"]);
  expect(EXIT_STATUS.flatMap(([status]) => errorCodesOf(status)).sort()).toEqual(
    Object.keys(EXIT_CODES).sort(),
  );
});

it("README.md has the same codes", () => {
  const readme = readFileSync(new URL("../../../README.md", import.meta.url), "utf8");
  const [, table = ""] = /^\| exit .*\n\|.*\n((?:\|.*\n)+)/m.exec(readme) ?? [];
  const rows = [...table.matchAll(/^\| (\d[\d, ]*) \| /gm)].flatMap(([, codes]) =>
    codes!.split(", ").map(Number),
  );
  expect(rows).toEqual(EXIT_STATUS.map(([status]) => status));
});
