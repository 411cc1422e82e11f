/** The files that our own process has mapped, opened as another process's would be. */
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { address } from "../../../src/machine/address.ts";
import { openMapped } from "../../../src/target/mapped-file.ts";
import { formatRange, type Mapping, parseMaps } from "../../../src/target/proc-maps.ts";

const libc = parseMaps(readFileSync("/proc/self/maps", "utf8")).find(
  ({ path, perms }) => /\/libc\b.*\.so/.test(path) && perms === "r-xp",
)!;

let proc: number;
let folder: string;
beforeAll(() => {
  proc = openSync("/proc/self", "r");
  folder = mkdtempSync(join(tmpdir(), "timeskew-mapped-"));
});
afterAll(() => {
  closeSync(proc);
  rmSync(folder, { recursive: true });
});

/** A mapping that is not there, of a file by its name: what it would be without permission to look at map_files. */
function named(path: string, more: Partial<Mapping> = {}): Mapping {
  const { ino } = statSync(path, { bigint: true });
  return { ...libc, start: address(4096n), end: address(8192n), path, inode: ino, ...more };
}

describe("a mapped file", () => {
  it("is the one behind the mapping", () => {
    using file = openMapped(proc, libc)!;
    expect(Buffer.from(file.read(0, 4)!).toString("latin1")).toBe("\x7fELF");
    const whole = readFileSync(libc.path);
    expect(file.read(Number(libc.offset), 4096)).toEqual(
      whole.subarray(Number(libc.offset), Number(libc.offset) + 4096),
    );
  });

  it("has no bytes beyond its end, nor before its start", () => {
    using file = openMapped(proc, libc)!;
    const { size } = statSync(libc.path);
    expect(file.read(size - 1, 1)).toHaveLength(1);
    expect(file.read(size - 1, 2)).toBeUndefined();
    expect(file.read(-1, 1)).toBeUndefined();
    expect(file.read(2 ** 53, 1)).toBeUndefined();
  });

  it("is opened by its name where the kernel's own link is not for us", () => {
    const path = join(folder, "plain");
    writeFileSync(path, "contents");
    using file = openMapped(proc, named(path))!;
    expect(Buffer.from(file.read(0, 8)!).toString()).toBe("contents");
  });

  it("tells files apart, and changes of one", () => {
    const [a, b] = [join(folder, "a"), join(folder, "b")];
    for (const path of [a, b]) writeFileSync(path, "x");
    const identity = (path: string) => {
      using file = openMapped(proc, named(path))!;
      return file.identity;
    };
    const before = identity(a);
    expect(identity(a)).toBe(before);
    expect(identity(b)).not.toBe(before);
    writeFileSync(a, "xy");
    expect(identity(a)).not.toBe(before);
  });
});

describe("is not opened", () => {
  it.each<[string, (path: string) => Mapping]>([
    ["by a name that means another file by now", (path) => named(path, { inode: 1n })],
    ["by the name of one that was deleted", (path) => named(path, { deleted: true })],
    ["without a name", (path) => named(path, { path: "" })],
    ["by a name that is none", (path) => named(path, { path: "[vdso]" })],
    ["by a name that is gone", (path) => named(path, { path: `${path}.gone` })],
  ])("%s", (_, mappingOf) => {
    const path = join(folder, "other");
    writeFileSync(path, "x");
    expect(openMapped(proc, mappingOf(path))).toBeUndefined();
  });

  // Opening one would wait for a writer.
  it("if it is a pipe", () => {
    const path = join(folder, "pipe");
    execFileSync("mkfifo", [path]);
    expect(openMapped(proc, named(path))).toBeUndefined();
  });
});

it("names mappings as map_files does", () => {
  expect(formatRange({ start: address(0x55d0c0a1f000n), end: address(0x55d0c0a20000n) })).toBe(
    "55d0c0a1f000-55d0c0a20000",
  );
});
