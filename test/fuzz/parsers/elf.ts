/** ELF images and what is planned from them: this kernel's own vDSO and built ones, broken in one to six places. */
import { ElfError, findFunction, type Image, identify, parseImage } from "../../../src/elf/image.ts";
import { TimeskewError } from "../../../src/errors.ts";
import { type Address, address } from "../../../src/machine/address.ts";
import { planInjection } from "../../../src/patch/inject.ts";
import { readVdso, type Vdso } from "../../../src/patch/vdso.ts";
import { loadPayload } from "../../../src/tracer/native.ts";
import { buildImage, OLD_KERNEL_BIAS } from "../../unit/elf/build-image.ts";
import { IMAGES } from "../../unit/patch/scenes.ts";
import { mutateBytes, put } from "../mutate.ts";
import { attempt, type Documented, must, recipe } from "../parser.ts";
import type { Random } from "../random.ts";
import { mustStayInside, mustUndoItself } from "./plans.ts";

/** In front of these are ELF header, program headers and tables; behind them is code. */
const TABLES = 0x800;
const START = address(0x7fff_f7fc_1000n);
const CODES = ["E_VDSO", "E_NOT_64BIT", "E_UNSUPPORTED"];

const elfError: Documented = (error) => (error instanceof ElfError ? error.code : undefined);
export const vdsoError: Documented = (error) =>
  error instanceof TimeskewError && CODES.includes(error.code) ? error.code : undefined;

function seedsOf(own: Uint8Array): Uint8Array[] {
  return [
    ...(own.length > 0 ? [own] : []),
    ...[{}, { sysvHash: false }, { gnuHash: false }, { bias: OLD_KERNEL_BIAS }, { soname: undefined }].map(
      (options) => Uint8Array.from(buildImage(options).bytes),
    ),
  ];
}

/** Mostly in its tables; often one 64-bit field of them, which is where sizes and offsets are. */
function broken(random: Random, seed: Uint8Array): Uint8Array {
  if (random.oneIn(64)) return random.bytes(random.below(200));
  if (random.oneIn(4)) return mutateBytes(random, seed);
  const bytes = seed.slice();
  bytes.set(mutateBytes(random, bytes.subarray(0, TABLES), { resize: false }));
  const field = random.below(TABLES / 8) * 8;
  if (random.oneIn(2))
    put(
      bytes,
      field,
      random.either(
        () => random.odd64(),
        () => BigInt(random.below(0x2100)),
      ),
      8,
    );
  if (random.oneIn(2)) put(bytes, 16 + random.below(200), BigInt(random.below(70_000)), random.pick([2, 4]));
  return bytes;
}

function mustBeSound(image: Image, size: number): void {
  const inside = (start: number, end: number) => start >= 0 && start <= end && end <= size;
  must(inside(image.tail.start, image.tail.end) && image.tail.end === size, "the tail is in the image");
  if (image.text) must(inside(image.text.start, image.text.end), "the text is in the image");
  for (const [name, symbol] of image.symbols) {
    must(name === symbol.name && name.length > 0 && name.length <= 255, "names are bounded");
    must(inside(symbol.offset, symbol.offset + symbol.size), "symbols are in the image");
  }
  must(image.symbols.size <= size / 24, "no more symbols than there is room for");
}

export const elf = recipe("elf", ({ vdso }) => {
  const seeds = seedsOf(vdso);
  return {
    make: (random) => broken(random, random.pick(seeds)),
    run(bytes: Uint8Array) {
      attempt(
        () => identify(bytes),
        elfError,
        ({ machine, type }) => must(machine !== "" && type !== "", "words"),
      );
      return attempt(
        () => parseImage(bytes),
        elfError,
        (image) => {
          mustBeSound(image, bytes.length);
          const found = findFunction(image, ["__vdso_clock_gettime", "clock_gettime"]);
          const text = image.segments.filter(({ type, executable }) => type === "load" && executable);
          must(found === undefined || text.length > 0, "a function is in executable memory");
        },
      );
    },
  };
});

function mustBePatchable(vdso: Vdso, bytes: Uint8Array): void {
  must(vdso.end - vdso.start === BigInt(bytes.length), "the vDSO is as large as its bytes");
  for (const fn of vdso.functions) {
    must(fn.size > 0 && fn.offset + fn.size <= bytes.length, "functions are in the image");
    must(fn.offset + fn.size <= vdso.tail.start, "no function is in the tail, which is written over");
    must(fn.address === vdso.start + BigInt(fn.offset), "addresses are where the image is");
  }
}

export const vdso = recipe("vdso", (corpus) => {
  const seeds = seedsOf(corpus.vdso);
  return {
    make: (random) => broken(random, random.pick(seeds)),
    run: (bytes: Uint8Array) =>
      attempt(
        () => readVdso(START, bytes),
        vdsoError,
        (found) => mustBePatchable(found, bytes),
      ),
  };
});

interface Planning {
  readonly bytes: Uint8Array;
  readonly start: bigint;
  readonly pages: bigint;
}

export const plan = recipe("plan", () => {
  const seeds = IMAGES.map(({ bytes }) => bytes);
  return {
    make(random): Planning {
      const image = random.pick(seeds);
      const bytes = random.oneIn(2) ? brokenCode(random, image) : broken(random, image);
      const start = random.oneIn(4) ? random.odd64() & ~0xfffn : START;
      const pages =
        start + BigInt(random.pick([-0x1_0000, 0x1_0000, 0x7000_0000, 0x7fff_f000, random.u32()]));
      return { bytes, start, pages: BigInt.asUintN(64, pages) & ~0xfffn };
    },
    run: ({ bytes, start, pages }: Planning) =>
      attempt(
        () => planned(bytes, address(start), address(pages)),
        vdsoError,
        ({ vdso: image, result }) => {
          const payload = loadPayload();
          const ours = { start: pages, end: pages + BigInt(payload.codeSize + payload.paramsSize) };
          mustStayInside(result, [image, ours]);
          mustUndoItself(result);
        },
      ),
  };
});

function planned(bytes: Uint8Array, start: Address, pages: Address) {
  const image = readVdso(start, bytes);
  const settings = { mask: 1n, offset: 1n, skewId: 1n, since: 1n };
  const pristineTail = bytes.slice(image.tail.start, image.tail.end);
  const result = planInjection({
    pid: 1,
    vdso: image,
    payload: loadPayload(),
    pages,
    settings,
    pristineTail,
  });
  return { vdso: image, result };
}

/** The code at the functions' entries, where the prologue and the branches into it are. */
function brokenCode(random: Random, image: Uint8Array): Uint8Array {
  const bytes = image.slice();
  const { functions } = readVdso(START, image);
  for (const fn of random.times(1, 2, () => random.pick(functions))) {
    const entry = bytes.subarray(fn.offset, fn.offset + random.pick([8, 16, fn.size]));
    entry.set(mutateBytes(random, entry, { resize: false }));
  }
  return bytes;
}
