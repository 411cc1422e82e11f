/**
 * Plans for 32-bit programs: their vDSO has a function by which they make system calls, and clock functions that call PC
 * thunks.
 */
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { TimeskewError } from "../../../src/errors.ts";
import { address } from "../../../src/machine/address.ts";
import { I386 } from "../../../src/machine/i386/machine.ts";
import { findSkew } from "../../../src/patch/find.ts";
import { planInjection, stubOf } from "../../../src/patch/inject.ts";
import { findLandings, placePages } from "../../../src/patch/landing.ts";
import { planRewrites } from "../../../src/patch/trampoline.ts";
import { pristineTailOf, readVdso, rewrittenIn, type Vdso } from "../../../src/patch/vdso.ts";
import type { Mapping } from "../../../src/target/proc.ts";
import { loadPayload } from "../../../src/tracer/native.ts";
import { type BuildSymbol, buildImage } from "../elf/build-image.ts";
import type { Prologue } from "../machine/i386/prologues.ts";
import { PROLOGUES as OLDER } from "../machine/i386/prologues-4.15-to-5.4.ts";
import { PROLOGUES as NEWER } from "../machine/i386/prologues-5.10-to-7.2.ts";
import { assembled } from "../machine/x86_64/prologues.ts";
import { SETTINGS } from "./scenes.ts";

const START = 0xf7fc_d000n;
const hasPayload = existsSync(new URL("../../../native/build/payload-i386.bin", import.meta.url));
if (!hasPayload) console.log("plans for 32-bit programs skipped: no payload was built for them (gcc -m32)");

const KERNELS = ["5.3", "5.4", "5.10", "6.1", "6.12", "6.18", "7.2"];
const SIZE = 12;
const FIRST = 0x600;
const ROOM = 0x40;

/** An image whose functions begin as those of a kernel; each calls a thunk of its own, right behind it. */
function imageOf(prologues: readonly Prologue[], extra: Uint8Array = new Uint8Array()): Uint8Array {
  const symbols: BuildSymbol[] = prologues.map(({ name }, i) => ({
    name: name.replace(/.* /, ""),
    offset: FIRST + ROOM * i,
    size: ROOM - SIZE,
  }));
  const { bytes, at } = buildImage({ bits: 32, symbols });
  bytes.fill(0, 32, 36); // e_shoff
  bytes.writeUInt16LE(0, 48);
  bytes.fill(0x90, FIRST, 0xc00);
  prologues.forEach(({ code, thunk }, i) => {
    const start = FIRST + ROOM * i;
    const entry = assembled(code);
    bytes.set(entry, start);
    if (thunk === undefined) return;
    const place = start + ROOM - SIZE;
    bytes.set(assembled(thunk.code), place);
    const call = entry.indexOf(0xe8);
    bytes.writeInt32LE(place - (start + call + 5), start + call + 1);
  });
  bytes.set(extra, FIRST + ROOM * prologues.length);
  for (const field of [16, 20]) bytes.writeUInt32LE(0xc00, at.load + field);
  bytes.fill(0, 0xc00);
  // Not the Buffer, of which a slice is a view.
  return Uint8Array.from(bytes);
}

function mapping(start: bigint, end: bigint, path = ""): Mapping {
  return {
    start: address(start),
    end: address(end),
    perms: "r--p",
    offset: 0n,
    device: "00:00",
    inode: 0n,
    deleted: false,
    path,
  };
}

const maps = (vdso: Vdso) => [
  mapping(0x5655_5000n, 0x5655_a000n, "/bin/program"),
  mapping(START - 0x6000n, START, "[vvar]"),
  mapping(START, vdso.end, "[vdso]"),
  mapping(0xf7fd_1000n, 0xf7ff_e000n, "/lib/ld-linux.so.2"),
  mapping(0xfffd_d000n, 0xffff_e000n, "[stack]"),
];

describe.skipIf(!hasPayload).each(KERNELS)("Linux %s", (kernel) => {
  const prologues = [...OLDER, ...NEWER].filter(({ name }) => name.startsWith(`Linux ${kernel} `));
  const vdso = readVdso(address(START), imageOf(prologues));
  const payload = loadPayload("i386");
  const pages = placePages(maps(vdso), vdso, payload)!;
  const plan = (translates: boolean) =>
    planInjection({
      pid: 1,
      vdso,
      payload,
      pages,
      settings: SETTINGS,
      pristineTail: pristineTailOf(vdso),
      ...(translates && {
        calls: { sites: [], maps: [], read: () => new Uint8Array(8), durations: false, filtered: false },
      }),
    });

  it("has all five functions, and each of its jumps traps where it cuts", () => {
    expect(vdso.machine).toBe(I386);
    expect(vdso.functions.map(({ name }) => name)).toEqual([
      ...["clock_gettime", "gettimeofday", "time", "clock_gettime64", "vsyscall"],
    ]);
    const landings = findLandings(vdso, payload, pages);
    for (const { function: fn, site } of planRewrites(vdso, payload, pages, landings)) {
      const jump = site.patched.subarray(Number(fn.address - site.address));
      const code = vdso.bytes.subarray(fn.offset, fn.offset + fn.size);
      for (const cut of I386.boundaries(code, I386.jumpLength)) expect([0xcc, 0xf4]).toContain(jump[cut]);
    }
  });

  it("puts the pages below 4 GiB, and not where the stack grows", () => {
    expect(pages + BigInt(payload.codeSize + payload.paramsSize)).toBeLessThan(0xfffd_d000n - (8n << 20n));
    const [wide] = [
      maps(vdso).map((each) => (each.path === "[stack]" ? mapping(0xbf00_0000n, 0xc000_0000n) : each)),
    ];
    const low = wide.map((each) =>
      each.start > 0xc000_0000n
        ? mapping(each.start - 0x4000_0000n, each.end - 0x4000_0000n, each.path)
        : each,
    );
    const moved = readVdso(address(START - 0x4000_0000n), vdso.bytes);
    expect(placePages(low, moved, payload)).toBeLessThan(0xc000_0000n);
  });

  it("rewrites where system calls are made only if these are to be translated", () => {
    const names = (translates: boolean) => plan(translates).sites.map((site) => site.function);
    expect(names(true)).toContain("vsyscall");
    expect(names(false)).toEqual(names(true).filter((name) => name !== "vsyscall"));
    expect(plan(true)).toMatchObject({ machine: "i386", sleepers: "left", calls: [] });
    expect(rewrittenIn(vdso, true)).toBe(vdso);
  });

  it("is called by the vDSO itself, which no other function may be", () => {
    const callOf = (offset: number) => {
      const from = FIRST + ROOM * prologues.length;
      const call = Buffer.of(0xe8, 0, 0, 0, 0);
      call.writeInt32LE(offset - (from + 5), 1);
      return call;
    };
    for (const { name, offset } of vdso.functions) {
      const calling = imageOf(prologues, callOf(offset));
      // What is behind the last function is not looked at: a symbol is there, too.
      const last = readVdso(address(START), calling);
      const image = { ...last.image, symbols: new Map(last.image.symbols) };
      const [symbol] = [...last.image.symbols.values()];
      image.symbols.set("static", { ...symbol!, offset: FIRST + ROOM * prologues.length, size: 8 });
      const act = () => planRewrites({ ...last, image }, payload, pages);
      if (name === "vsyscall") expect(act).not.toThrow();
      else expect(act).toThrow(/branches into its first 5 bytes/);
    }
  });
});

describe("what a dead run has left at the end of the image", () => {
  const prologues = NEWER.filter(({ name }) => name.startsWith("Linux 6.1 "));
  const bytes = imageOf(prologues);
  const look = (vdso: Vdso) =>
    findSkew({
      vdso,
      maps: [],
      read: () => undefined,
      pristine: undefined,
      pagesWithout: () => undefined,
      payload: { machine: "i386", codeSize: 0x8000, paramsSize: 0xa000 },
    });

  it("is found without a pristine image, for there the kernel has zeros", () => {
    const vdso = readVdso(address(START), bytes);
    expect(look(vdso)).toEqual({ state: "unskewed" });
    const { address: at, pristine } = stubOf(vdso, pristineTailOf(vdso));
    expect(at).toBe(vdso.end - BigInt(pristine.length));
    const left = bytes.slice();
    left[Number(at - START) + 10] = 0x90;
    const littered = readVdso(address(START), left);
    expect(look(littered)).toMatchObject({ state: "unused", stub: true });
    expect(pristineTailOf(littered)).toEqual(pristineTailOf(vdso));
  });
});

describe("32-bit images that are refused", () => {
  const refusal = (bytes: Uint8Array) => {
    try {
      readVdso(address(START), bytes);
    } catch (error) {
      if (error instanceof TimeskewError) return { code: error.code, message: error.message };
      throw error;
    }
    return undefined;
  };

  it.each(["4.15", "4.18", "5.0"])("Linux %s, which reads no 64-bit time", (kernel) => {
    const bytes = imageOf(OLDER.filter(({ name }) => name.startsWith(`Linux ${kernel} `)));
    expect(refusal(bytes)).toEqual({ code: "E_VDSO", message: "the vDSO exports no clock_gettime64" });
  });

  it.each([
    [62, "E_NOT_64BIT", /^an x32 process .* is for x86_64\)$/],
    [40, "E_NOT_64BIT", /^a 32-bit process \(its vDSO is for arm\)$/],
    [243, "E_NOT_64BIT", /^a 32-bit process/],
  ])("machine %i: %s", (machine, code, message) => {
    const { bytes } = buildImage({ bits: 32, machine });
    expect(refusal(bytes)).toEqual({ code, message: expect.stringMatching(message) });
  });

  it("i386's machine with 64-bit fields", () => {
    expect(refusal(buildImage({ machine: 3 }).bytes)?.code).toBe("E_UNSUPPORTED");
  });
});
