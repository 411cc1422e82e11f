/**
 * Pages that hold something, told by this process's own: its vDSO has been read, most of its address space never was.
 */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { address } from "../../../src/machine/address.ts";
import { touchedPages } from "../../../src/target/pagemap.ts";

const OWN = "/proc/self/pagemap";

/** The mapping that holds this process's stack pointer, and is far larger than what was ever used of it. */
const [, start, end] = /^(\w+)-(\w+) .*\[stack\]$/m.exec(readFileSync("/proc/self/maps", "utf8"))!;
const stack = { start: BigInt(`0x${start}`), end: BigInt(`0x${end}`) };

it("are told for each page that a range touches", () => {
  const top = address(stack.end - 4096n);
  expect(touchedPages(OWN, top, 4096)).toEqual([true]);
  expect(touchedPages(OWN, address(top + 4095n), 1)).toEqual([true]);
  expect(touchedPages(OWN, address(top - 1n), 2)).toHaveLength(2);
  expect(touchedPages(OWN, address(top - 8192n), 3 * 4096)).toHaveLength(3);
});

it("are not those of an address where nothing is", () => {
  expect(touchedPages(OWN, address(0n), 8192)).toEqual([false, false]);
});

it("are unknown where there is no such file, and beyond the end of memory", () => {
  expect(touchedPages("/proc/self/none", address(0n), 1)).toBeUndefined();
  expect(touchedPages(OWN, address((1n << 64n) - 4096n), 4096)).toBeUndefined();
});
