/** Functions of executables and libraries: built files of every kind of table, broken in one to six places. */
import { ElfError, readCodeImage } from "../../../src/elf/functions.ts";
import { buildProgram, CODE_SIZE, type ProgramOptions, sourceOf } from "../../unit/elf/build-program.ts";
import { mutateBytes, put } from "../mutate.ts";
import { attempt, type Documented, must, recipe } from "../parser.ts";
import type { Random } from "../random.ts";

const FRAMES = [
  { at: 0x100, size: 0x40 },
  { at: 0x180, size: 0x80, encoding: 0x1c },
  { at: 0x200, size: 0x40, augmentation: "zPLR" },
  { at: 0x2ff, size: 0x11, augmentation: "zRS" },
];
const SYMBOLS = [
  { name: "framed", at: 0x100, size: 0x40 },
  { name: "outer", at: 0x400, size: 0x100 },
  { name: "inner", at: 0x440, size: 0x10 },
  { name: "bare", at: 0x600, size: 0 },
];
const FUNCTIONS = [
  { name: "main.a", at: 0x100 },
  { name: "main.b", at: 0x140 },
];

const goOf = (magic: number, text: "table" | "relocated module" = "table"): ProgramOptions => ({
  go: { magic, functions: FUNCTIONS, end: 0x200, text },
});

const SEEDS = (
  [
    { interpreter: true, frames: FRAMES, symbols: SYMBOLS, exports: SYMBOLS },
    { type: 2, frames: FRAMES, frameHeader: false, exports: SYMBOLS, hash: "gnu" },
    { frames: FRAMES, exports: SYMBOLS, sections: false },
    goOf(0xfffffffb),
    goOf(0xfffffffa),
    { ...goOf(0xfffffff0), sections: false },
    goOf(0xfffffff1, "relocated module"),
  ] satisfies ProgramOptions[]
).map((options) => {
  const { bytes, at } = buildProgram(options);
  return { bytes: Uint8Array.from(bytes), parts: [0, 0x40, ...at.values()] };
});

/** Bytes between two places that are asked for; fewer than any function has. */
const STEP = 0x20;
/** Far more than one walk through the code needs of the built files. */
const MOST_READS = 20_000;

const elfError: Documented = (error) => (error instanceof ElfError ? error.code : undefined);

/** Mostly near the start of a table, where the counts, offsets and sizes are. */
function broken(random: Random): Uint8Array {
  const seed = random.pick(SEEDS);
  if (random.oneIn(64)) return random.bytes(random.below(200));
  if (random.oneIn(8)) return mutateBytes(random, seed.bytes);
  const bytes = seed.bytes.slice();
  for (let edits = random.between(1, 5); edits > 0; edits--) {
    const at = random.pick(seed.parts);
    if (random.oneIn(2)) {
      const part = bytes.subarray(at, at + random.pick([16, 64, 200]));
      part.set(mutateBytes(random, part, { resize: false }));
    } else {
      const size = random.pick([1, 2, 4, 8]);
      const value = random.either(
        () => random.odd64(),
        () => BigInt(random.below(0x8000)),
        () => BigInt(random.below(32)),
      );
      put(bytes, at + random.below(96 / size) * size, value, size);
    }
  }
  return bytes;
}

export const functions = recipe("functions", () => ({
  make: broken,
  run(bytes: Uint8Array) {
    const reads: [number, number][] = [];
    return attempt(
      () => readCodeImage(sourceOf(bytes, reads)),
      elfError,
      (image) => {
        must(typeof image.go === "boolean" && typeof image.dynamic === "boolean", "facts");
        for (const { vaddr, offset, size } of image.code) {
          must(vaddr + size <= 2 ** 47 && offset >= 0, "code has addresses");
          const end = vaddr + Math.min(size, CODE_SIZE);
          for (let at = vaddr; at < end; at += STEP) {
            const gap = image.gapAt(at);
            must(!gap || (gap.start >= vaddr && gap.start <= at && at < gap.end), "a gap holds it, too");
            must(!gap || gap.end <= vaddr + size, "gaps are code");
            const found = image.functionAt(at);
            must(!gap || !found, "a gap holds no function");
            if (found === undefined) continue;
            must(found.start <= at && at < found.end, "a function holds what it was found by");
            must(found.start >= vaddr && found.end <= vaddr + size, "functions are code");
            must(found.name === undefined || (found.name !== "" && found.name.length <= 4096), "names");
          }
        }
        must(reads.length < MOST_READS, () => `${reads.length} reads`);
      },
    );
  },
}));
