/** The tables, and that test/kernels/README.md has the one of the last recorded results. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Result } from "../../kernels/matrix.ts";
import { recorded, withResult, withTable } from "../../kernels/record.ts";
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
  result({ variant: "vdso=0", state: "refused", code: "E_NO_VDSO", words: "pid 9 (sh) has none" }),
  result({ series: "5.10", version: "5.10.262-1" }),
  result({ series: "5.10", version: "5.10.223-1", arch: "arm64", machine: "aarch64" }),
  result({ variant: "Yama 1", words: "" }),
  result({
    variant: "Yama 1",
    cell: "user",
    state: "refused",
    code: "E_PERMISSION",
    words: "no to pid 7 (cat): not yours (scope 1)",
  }),
];

test("a row for each kernel, way to start it and machine, a column for each cell", () => {
  expect(cellTable(RESULTS).split("\n")).toEqual([
    "| kernel     | variant | target  | inject       | recover | hammer | kill | waits | profiles | user         | run |",
    "| ---------- | ------- | ------- | ------------ | ------- | ------ | ---- | ----- | -------- | ------------ | --- |",
    "| 6.1.192-2  |         | x86_64  | ok           |         | RED    |      |       |          |              |     |",
    "| 6.1.192-2  |         | i386    | E_NOT_64BIT! |         |        |      |       |          |              |     |",
    "| 6.1.192-2  | vdso=0  | x86_64  | E_NO_VDSO    |         |        |      |       |          |              |     |",
    "| 5.10.262-1 |         | x86_64  | ok           |         |        |      |       |          |              |     |",
    "| 5.10.223-1 |         | aarch64 | ok           |         |        |      |       |          |              |     |",
    "| 6.1.192-2  | Yama 1  | x86_64  | ok           |         |        |      |       |          | E_PERMISSION |     |",
  ]);
});

test("in words, for people who look whether their kernel is there", () => {
  expect(supportTable(RESULTS).split("\n")).toEqual([
    "| Debian's kernel                  | x86-64 programs                 | 32-bit x86 programs | arm64 programs |",
    "| -------------------------------- | ------------------------------- | ------------------- | -------------- |",
    "| 6.1.192-2                        | **not**: hammer                 | **not**: inject     |                |",
    "| 6.1.192-2 with vdso=0            | refused: the process has none   |                     |                |",
    "| 5.10.262-1, 5.10.223-1 for arm64 | tried: inject                   |                     | tried: inject  |",
    "| 6.1.192-2 with Yama 1            | inject; user refused: not yours |                     |                |",
  ]);
});

test("yes, where everything was tried", () => {
  const cells = ["inject", "recover", "hammer", "kill", "waits", "profiles", "user", "run"] as const;
  const row = supportTable(cells.map((cell) => result({ cell }))).split("\n")[2];
  expect(row).toMatch(/^\| 6\.1\.192-2 +\| yes +\|/);
});

test("plain kernels first, the oldest first, x86-64 before arm64, cells in their order", () => {
  const some = [
    result({ variant: "hpet" }),
    result({ variant: "vdso=0" }),
    result({ arch: "arm64", machine: "aarch64", series: "5.10" }),
    result({ series: "6.12" }),
    result({ series: "6.1", cell: "user" }),
    result({ series: "6.1" }),
    result({ series: "5.10" }),
  ];
  const keys = sorted(some).map(({ series, machine, variant, cell }) =>
    [series, machine, cell, variant].join(" ").trim(),
  );
  expect(keys).toEqual([
    "5.10 x86_64 inject",
    "5.10 aarch64 inject",
    "6.1 x86_64 inject",
    "6.1 x86_64 user",
    "6.12 x86_64 inject",
    "6.1 x86_64 inject vdso=0",
    "6.1 x86_64 inject hpet",
  ]);
});

test("a result takes the place of the older one for the same cell", () => {
  const merged = withResult([result({ state: "red", right: false }), result({ cell: "kill" })], result({}));
  expect(merged).toEqual([result({}), result({ cell: "kill" })]);
});

describe("test/kernels/README.md", () => {
  const text = readFileSync(new URL("../../kernels/README.md", import.meta.url), "utf8");

  test("has the table of test/kernels/results.json", () => {
    expect(recorded()).not.toEqual([]);
    expect(withTable(text, recorded())).toBe(text);
  });

  test("another result is another table", () => {
    expect(withTable(text, RESULTS)).not.toBe(text);
    expect(() => withTable("no markers", RESULTS)).toThrow("no place for the table");
  });
});
