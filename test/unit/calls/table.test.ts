/** The numbers of system calls, as the kernel's headers have them. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { tableOf } from "../../../src/calls/table.ts";

const HEADERS = {
  x86_64: "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
  aarch64: "/usr/include/asm-generic/unistd.h",
} as const;

describe.each(["x86_64", "aarch64"] as const)("%s", (name) => {
  const header = HEADERS[name];
  if (!existsSync(header)) console.log(`skipped: there is no ${header}`);
  const table = tableOf({ name });
  const numbers = [...table.deadlines, ...table.durations];

  it.skipIf(!existsSync(header))("has the numbers of the kernel's header", () => {
    const text = readFileSync(header, "utf8");
    for (const number of numbers) {
      const call = table.nameOf(number);
      expect(text).toMatch(new RegExp(`^#define __NR(3264)?_${call} ${number}$`, "m"));
    }
  });

  it("has each once", () => {
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it("knows which argument is a time, and which futex operations wait", () => {
    const futex = numbers.find((number) => table.nameOf(number) === "futex")!;
    expect(table.timeArgument(futex)).toBe(3);
    expect([0x80, 0x189, 0x86].map((operation) => table.isImmediate(futex, operation))).toEqual([
      false,
      false,
      false,
    ]);
    expect(table.isImmediate(futex, 0x81)).toBe(true);
    expect(table.isImmediate(futex + 1, 0x81)).toBe(false);
    expect(table.nameOf(9999)).toBe("system call 9999");
  });
});

it("aarch64 has all the calls of x86-64 but those that it makes by others", () => {
  const names = (name: "x86_64" | "aarch64") => {
    const table = tableOf({ name });
    return [...table.deadlines, ...table.durations].map((number) => table.nameOf(number));
  };
  const missing = names("x86_64").filter((name) => !names("aarch64").includes(name));
  expect(missing).toEqual(["time", "poll", "select", "alarm", "epoll_wait"]);
  expect(names("x86_64")).toEqual(expect.arrayContaining(names("aarch64")));
});
