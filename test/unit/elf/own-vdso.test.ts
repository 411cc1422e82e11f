/**
 * The image that this kernel gives to this very process, compared with what binutils reads from it.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { findFunction, parseImage } from "../../../src/elf/image.ts";
import { findMapping, parseMaps } from "../../../src/target/proc.ts";

function ownVdso(): Buffer | undefined {
  const mapping = findMapping(parseMaps(readFileSync("/proc/self/maps", "latin1")), "[vdso]");
  if (!mapping) return undefined;
  const bytes = Buffer.alloc(Number(mapping.end - mapping.start));
  const memory = openSync("/proc/self/mem", "r");
  try {
    readSync(memory, bytes, 0, bytes.length, mapping.start);
  } finally {
    closeSync(memory);
  }
  return bytes;
}

/** name → [offset, size] of the defined symbols, as readelf prints them: `Num: Value Size Type Bind Vis Ndx Name`. */
function readelf(bytes: Buffer): Map<string, [number, number]> {
  const folder = mkdtempSync(join(tmpdir(), "timeskew-vdso-"));
  try {
    const file = join(folder, "vdso.so");
    writeFileSync(file, bytes);
    const lines = execFileSync("readelf", ["-W", "--dyn-syms", file], { encoding: "utf8" }).split("\n");
    const columns = lines
      .map((line) => line.trim().split(/\s+/))
      .filter((each) => /^\d+$/.test(each[6] ?? ""));
    return new Map(
      columns.map((each) => [each[7]!.replace(/@.*/, ""), [Number.parseInt(each[1]!, 16), Number(each[2])]]),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const bytes = ownVdso();
const hasReadelf = spawnSync("readelf", ["--version"]).status === 0;

it.skipIf(!bytes)("finds the clock functions in this process's vDSO (skipped: booted with vdso=0)", () => {
  const image = parseImage(bytes!);
  const prefix = image.machine === "aarch64" ? "__kernel_" : "__vdso_";
  for (const name of ["clock_gettime", "gettimeofday"]) {
    expect(findFunction(image, [`${prefix}${name}`])?.size).toBeGreaterThan(0);
  }
  expect(image.soname).toBe("linux-vdso.so.1");
  expect(image.tail.end - image.tail.start).toBeGreaterThan(0);
});

it.skipIf(!bytes || !hasReadelf)("agrees with readelf (skipped: no vDSO, or no readelf)", () => {
  const { symbols, loadBias } = parseImage(bytes!);
  const ours = [...symbols.values()].map(({ name, offset, size }) => [
    name,
    [offset + Number(loadBias), size],
  ]);
  expect(new Map(ours as [string, [number, number]][])).toEqual(readelf(bytes!));
});
