/**
 * Which threads are waited for, by files that look like those of /proc/PID/task.
 */
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { allHaveMovedOn } from "../../../src/engine/stragglers.ts";

let folder = "";
let proc = -1;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "timeskew-stragglers-"));
  mkdirSync(join(folder, "task"));
  proc = openSync(folder, "r");
});

afterEach(() => {
  closeSync(proc);
  rmSync(folder, { recursive: true });
});

/** @param ran CPU time in ns; undefined: a kernel that does not tell */
function thread(tid: number, state: string, ran?: number): void {
  const task = join(folder, "task", `${tid}`);
  mkdirSync(task, { recursive: true });
  writeFileSync(join(task, "stat"), `${tid} (a) R b) ${state} 1${" 0".repeat(48)}\n`);
  if (ran !== undefined) writeFileSync(join(task, "schedstat"), `${ran} 5 1\n`);
}

/** Changes something at each look, and gives up at the last. */
function looking(...changes: (() => void)[]): { looks: number; isLate: () => boolean } {
  const counter = {
    looks: 0,
    isLate: () => {
      const change = changes[counter.looks++];
      change?.();
      return change === undefined;
    },
  };
  return counter;
}

it("waits for nobody who sleeps, is stopped or is dead", () => {
  for (const [i, state] of ["S", "D", "T", "t", "Z", "I"].entries()) thread(100 + i, state, 0);
  const looks = looking();
  expect(allHaveMovedOn([proc], looks.isLate)).toBe(true);
  expect(looks.looks).toBe(0);
});

it("waits until who runs has run for a millisecond", () => {
  thread(100, "R", 5_000_000);
  const looks = looking(
    () => thread(100, "R", 5_900_000),
    () => thread(100, "R", 5_999_999),
    () => thread(100, "R", 6_000_000),
  );
  expect(allHaveMovedOn([proc], looks.isLate)).toBe(true);
  expect(looks.looks).toBe(3);
});

it("waits no longer for who has gone to sleep, or ended", () => {
  thread(100, "R", 0);
  thread(101, "R", 0);
  const looks = looking(
    () => thread(100, "S", 1),
    () => rmSync(join(folder, "task", "101"), { recursive: true }),
  );
  expect(allHaveMovedOn([proc], looks.isLate)).toBe(true);
  expect(looks.looks).toBe(2);
});

it("does not wait for who begins to run meanwhile: he reads by our rules", () => {
  thread(100, "R", 0);
  thread(101, "S", 0);
  const looks = looking(() => {
    thread(100, "R", 1_000_000);
    thread(101, "R", 0);
  });
  expect(allHaveMovedOn([proc], looks.isLate)).toBe(true);
});

it("gives up when it is late", () => {
  thread(100, "R", 0);
  expect(allHaveMovedOn([proc], looking(() => {}).isLate)).toBe(false);
});

it("leaves it at one look where the kernel does not tell how long threads run", () => {
  thread(100, "R");
  const looks = looking(() => {});
  expect(allHaveMovedOn([proc], looks.isLate)).toBe(true);
  expect(looks.looks).toBe(1);
});

it("waits for nobody in a process that has ended", () => {
  rmSync(join(folder, "task"), { recursive: true });
  expect(allHaveMovedOn([proc], () => true)).toBe(true);
});
