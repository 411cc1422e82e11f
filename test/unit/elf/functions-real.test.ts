/** The functions of this machine's own files, compared with what binutils and Go's own tools read from them. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GappedImage, readCodeImage } from "../../../src/elf/functions.ts";
import { build, type Recipe } from "../../support/build.ts";
import { needPrograms } from "../../support/needs.ts";
import { GLIBC_STATIC, GO, GO_STRIPPED, HAMMER } from "../../support/recipes.ts";
import { openFile } from "./open-file.ts";

const MUSL_THREADS: Recipe = {
  ...HAMMER,
  name: "hammer-musl-static",
  command: ["musl-gcc", "-static", ...HAMMER.command.slice(1)],
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "timeskew-functions-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What a tool prints. Its exit code may be about something else: readelf misses separate debug files. */
function output(program: string, ...args: string[]): string[] {
  const { error, stdout } = spawnSync(program, args, { encoding: "latin1", maxBuffer: 1 << 28 });
  if (error) throw error;
  return stdout.split("\n");
}

function withImage<T>(path: string, use: (image: GappedImage) => T): T {
  using file = openFile(path);
  return use(readCodeImage(file.source));
}

interface Expected {
  readonly start: number;
  readonly end: number;
  readonly names?: readonly string[];
}

const bounds = (start: string, end: string) => ({
  start: Number.parseInt(start, 16),
  end: Number.parseInt(end, 16),
});

/** Every frame description, but for those of signal returns: `… FDE cie=OFFSET pc=START..END`. */
function framesOf(path: string): Expected[] {
  const signals = new Set<string>();
  let common = "";
  const lines = output("readelf", "-wf", path);
  // Not loaded, and in other words.
  const rest = lines.findIndex((line) => line.includes(".debug_frame"));
  return lines.slice(0, rest < 0 ? lines.length : rest).flatMap((line) => {
    common = /^([0-9a-f]+) .* CIE/.exec(line)?.[1] ?? common;
    if (/Augmentation: *".*S/.test(line)) signals.add(common);
    const [, id, start, end] = /FDE cie=([0-9a-f]+) pc=([0-9a-f]+)\.\.([0-9a-f]+)/.exec(line) ?? [];
    return id === undefined || signals.has(id) || start === end ? [] : [bounds(start!, end!)];
  });
}

/** Every function that a symbol with a size tells: `Num: Value Size Type Bind Vis Ndx Name`. */
function symbolsOf(path: string, table: "--syms" | "--dyn-syms"): Expected[] {
  const found = new Map<string, Expected & { names: string[] }>();
  for (const line of output("readelf", "-W", table, path)) {
    const [, value = "", size, type = "", , , section = "", name = ""] = line.trim().split(/\s+/);
    if (!/^I?FUNC$/.test(type) || !/^\d+$/.test(section) || size === "0") continue;
    const start = Number.parseInt(value, 16);
    const known = found.get(`${value} ${size}`) ?? { start, end: start + Number(size), names: [] };
    known.names.push(name.replace(/@.*/, ""));
    found.set(`${value} ${size}`, known);
  }
  return [...found.values()];
}

/** What an image says at the first and at the last byte of each function, if that is not what is expected. */
function disagreements(image: GappedImage, expected: readonly Expected[]): string[] {
  const words = (found: Expected | undefined) =>
    found && `${found.start.toString(16)}-${found.end.toString(16)}`;
  return expected.flatMap((each) => {
    const wrong = [each.start, each.end - 1].filter((at) => words(image.functionAt(at)) !== words(each));
    const name = each.names && image.functionAt(each.start)?.name;
    const odd = each.names && !each.names.includes(name ?? "");
    const where = wrong.map((at) => `${at.toString(16)} of ${words(each)}: ${words(image.functionAt(at))}`);
    return odd ? [...where, `${words(each)} ${each.names}: ${name}`] : where;
  });
}

/** Of many, about as many as a number says. */
function some<T>(all: readonly T[], count: number): T[] {
  const step = Math.max(1, Math.floor(all.length / count));
  return all.filter((_, index) => index % step === 0);
}

/** The files that this process runs code of: Node itself, its libraries, their loader. */
function ownFiles(): string[] {
  const maps = readFileSync("/proc/self/maps", "latin1");
  const paths = [...maps.matchAll(/ r-xp .*? (\/.*)/g)].map(([, path]) => path!);
  return [...new Set(paths)].filter((path) => existsSync(path));
}

function stripped(path: string): string {
  const result = join(folder, basename(path));
  execFileSync("strip", ["-o", result, path]);
  return result;
}

/** Where a symbol is. */
function addressOf(path: string, name: string): number {
  const columns = output("readelf", "-W", "--syms", path).map((line) => line.trim().split(/\s+/));
  return Number.parseInt(columns.find((each) => each[7] === name)![1]!, 16);
}

/** The section of code: `[Nr] Name Type Address Offset Size`. */
function textOf(path: string): Expected {
  const line = output("readelf", "-W", "-S", path).find((each) => / \.text /.test(each))!;
  const [, start = "", size = ""] = /PROGBITS +([0-9a-f]+) [0-9a-f]+ ([0-9a-f]+)/.exec(line)!;
  return { start: Number.parseInt(start, 16), end: Number.parseInt(start, 16) + Number.parseInt(size, 16) };
}

function variant(name: string, ...flags: string[]): Recipe {
  return { ...GO, name: `${GO.name}-${name}`, command: ["go", "build", ...flags, "-o", "OUTPUT"] };
}

/** The functions that Go's linker has placed: `ADDRESS SIZE TYPE NAME`. */
function goFunctionsOf(path: string): { start: number; end: number; name: string }[] {
  return output("go", "tool", "nm", "-n", "-size", path).flatMap((line) => {
    const [, start = "", size = "", name = ""] = /^ *([0-9a-f]+) +(\d+) [Tt] (.*)$/.exec(line) ?? [];
    // C functions of the start files, and marks.
    if (size === "0" || !/[./]/.test(name)) return [];
    const at = Number.parseInt(start, 16);
    // The function table has short names for types.
    const short = name.replace(/\.abi0$/, "").replace(/\[.*\]/, "[...]");
    return [{ start: at, end: at + Number(size), name: short }];
  });
}

/** A copy whose header says that there are no section headers. */
function withoutSections(path: string): string {
  const bytes = readFileSync(path);
  bytes.writeBigUInt64LE(0n, 40);
  bytes.fill(0, 58, 64);
  const result = join(folder, `${basename(path)}-bare`);
  writeFileSync(result, bytes);
  return result;
}

describe("agrees with readelf about", () => {
  it.for(ownFiles())("%s", (path, context) => {
    needPrograms(context, "readelf");
    withImage(path, (image) => {
      const frames = framesOf(path);
      expect(disagreements(image, some(frames, 3000))).toEqual([]);
      // Assembly may have one description for several functions.
      const exported = some(symbolsOf(path, "--dyn-syms"), 1000);
      const own = exported.filter(
        ({ start: at }) => !frames.some(({ start, end }) => start < at && at < end),
      );
      expect(own.length).toBeGreaterThanOrEqual(exported.length / 2);
      const other = own.filter(({ start, names }) => {
        const found = image.functionAt(start);
        return found?.start !== start || !names?.includes(found.name ?? "");
      });
      expect(other).toEqual([]);
    });
  });

  it("a static program of glibc's, stripped or not", async (context) => {
    needPrograms(context, "readelf", "strip", GLIBC_STATIC.compiler);
    const path = await build(GLIBC_STATIC);
    const frames = framesOf(path);
    expect(frames.length).toBeGreaterThan(1000);
    withImage(path, (image) => {
      expect([image.fixed, image.dynamic, image.go]).toEqual([true, false, false]);
      expect(disagreements(image, frames)).toEqual([]);
      expect(image.functionAt(addressOf(path, "clock_gettime"))?.name).toBe("clock_gettime");
      expect(image.functionAt(addressOf(path, "__restore_rt"))?.name).toBe("__restore_rt");
    });
    withImage(stripped(path), (image) => {
      expect(disagreements(image, frames)).toEqual([]);
      expect(image.functionAt(addressOf(path, "__restore_rt"))).toBeUndefined();
    });
  });

  it("a static program of musl's, which has nothing but symbols", async (context) => {
    needPrograms(context, "readelf", "strip", "musl-gcc");
    const path = await build(MUSL_THREADS);
    const symbols = symbolsOf(path, "--syms");
    expect(symbols.length).toBeGreaterThan(100);
    withImage(path, (image) => {
      expect([image.fixed, image.dynamic, image.go]).toEqual([true, false, false]);
      expect(disagreements(image, symbols)).toEqual([]);
      // In assembly, without a size.
      const { start, name } = image.functionAt(addressOf(path, "__set_thread_area") + 1)!;
      expect([start, name]).toEqual([addressOf(path, "__set_thread_area"), "__set_thread_area"]);
    });
    withImage(stripped(path), (image) => {
      expect(image.functionAt(addressOf(path, "clock_gettime"))).toBeUndefined();
      expect(disagreements(image, framesOf(path))).toEqual([]);
      // The gaps around what is not known any more begin and end at functions, or at the section's ends.
      const edges = [...symbols, ...framesOf(path), textOf(path)].flatMap(({ start, end }) => [start, end]);
      const unknown = symbols.filter(({ start }) => image.functionAt(start) === undefined);
      const gaps = unknown.map(({ start }) => image.gapAt(start));
      expect(gaps.length).toBeGreaterThan(100);
      expect(
        gaps.filter((gap) => !edges.includes(gap?.start ?? 0) || !edges.includes(gap?.end ?? 0)),
      ).toEqual([]);
    });
  });
});

describe("agrees with Go about", () => {
  it.for([
    ["a Go program", GO],
    ["a stripped one", GO_STRIPPED],
    ["one that is loaded anywhere", variant("pie", "-buildmode=pie")],
    ["one that a C linker has made", variant("external", "-ldflags=-linkmode=external")],
    ["one without section headers", GO_STRIPPED],
  ] as const)("%s", async ([title, recipe], context) => {
    needPrograms(context, "go", "gcc", "strip");
    const path = await build(recipe);
    // Stripping changes no address.
    const functions = goFunctionsOf(await build(recipe === GO_STRIPPED ? GO : recipe));
    expect(functions.length).toBeGreaterThan(1000);
    const file = title.endsWith("headers") ? withoutSections(path) : path;
    withImage(file, (image) => {
      expect(image.go).toBe(true);
      const wrong = functions.filter(({ start, end, name }) => {
        const found = image.functionAt(start);
        const same = found?.start === start && found.end >= end && found.name === name;
        return !same || image.functionAt(end - 1)?.start !== start;
      });
      expect(wrong).toEqual([]);
    });
  });

  it("what is no Go program", async (context) => {
    needPrograms(context, GLIBC_STATIC.compiler);
    withImage(await build(GLIBC_STATIC), ({ go }) => expect(go).toBe(false));
    withImage(process.execPath, ({ go }) => expect(go).toBe(false));
  });
});
