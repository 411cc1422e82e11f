/** The tables, and that README.md has the one of the last recorded results. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Result } from "../../kernels/matrix.ts";
import { recorded, withTable } from "../../kernels/record.ts";
import { cellTable, sorted, supportTable } from "../../kernels/table.ts";

function result(more: Partial<Result>): Result {
  return {
    series: "6.1",
    arch: "x86_64",
    version: "6.1.192-2",
    variant: "",
    machine: "x86_64",
    cell: "inject",
    state: "green",
    words: "",
    seconds: 1,
    right: true,
    ...more,
  };
}

const RESULTS = [
  result({}),
  result({ cell: "hammer", state: "red", words: "3 readings are wrong", right: false }),
  result({ machine: "i386", state: "refused", code: "E_NOT_64BIT", words: "a 32-bit process", right: false }),
  result({ variant: "vdso=0", state: "refused", code: "E_NO_VDSO", words: "it has no vDSO" }),
  result({ arch: "arm64", machine: "aarch64", series: "5.10", version: "5.10.223-1" }),
];

test("a row for each kernel, way to start it and machine, a column for each cell", () => {
  expect(cellTable(RESULTS).split("\n")).toEqual([
    "| kernel     | variant | target  | inject       | recover | hammer | kill | waits | profiles | user |",
    "| ---------- | ------- | ------- | ------------ | ------- | ------ | ---- | ----- | -------- | ---- |",
    "| 6.1.192-2  |         | x86_64  | ok           |         | RED    |      |       |          |      |",
    "| 6.1.192-2  |         | i386    | E_NOT_64BIT! |         |        |      |       |          |      |",
    "| 6.1.192-2  | vdso=0  | x86_64  | E_NO_VDSO    |         |        |      |       |          |      |",
    "| 5.10.223-1 |         | aarch64 | ok           |         |        |      |       |          |      |",
  ]);
});

test("in words, for people who look whether their kernel is there", () => {
  expect(supportTable(RESULTS).split("\n")).toEqual([
    "| Debian's kernel           | x86-64 programs         | 32-bit x86 programs  | arm64 programs |",
    "| ------------------------- | ----------------------- | -------------------- | -------------- |",
    "| 6.1.192-2, x86-64         | **not**: hammer         | **not**: E_NOT_64BIT |                |",
    "| 6.1.192-2, x86-64, vdso=0 | refused: it has no vDSO |                      |                |",
    "| 5.10.223-1, arm64         |                         |                      | tried: inject  |",
  ]);
});

test("yes, where everything was tried", () => {
  const cells = ["inject", "recover", "hammer", "kill", "waits", "profiles", "user"] as const;
  const row = supportTable(cells.map((cell) => result({ cell }))).split("\n")[2];
  expect(row).toMatch(/^\| 6\.1\.192-2, x86-64 \| yes +\|/);
});

test("plain kernels first, x86-64 before arm64, the oldest first", () => {
  const some = [
    result({ variant: "hpet" }),
    result({ arch: "arm64", series: "5.10" }),
    result({ series: "6.12" }),
    result({ series: "6.1" }),
    result({ series: "5.10" }),
  ];
  const keys = sorted(some).map(({ series, arch, variant }) => `${series} ${arch}${variant}`);
  expect(keys).toEqual(["5.10 x86_64", "6.1 x86_64", "6.12 x86_64", "5.10 arm64", "6.1 x86_64hpet"]);
});

describe("README.md", () => {
  const text = readFileSync(new URL("../../../README.md", import.meta.url), "utf8");

  test("has the table of test/kernels/results.json", () => {
    expect(recorded()).not.toEqual([]);
    expect(withTable(text, recorded())).toBe(text);
  });

  test("another result is another table", () => {
    expect(withTable(text, RESULTS)).not.toBe(text);
    expect(() => withTable("no markers", RESULTS)).toThrow("no place for the table");
  });
});
