/**
 * Plans for arm64: one instruction of each function is replaced, in a word of which the other half is left as it is.
 */
import { describe, expect, it } from "vitest";
import { TimeskewError } from "../../../src/errors.ts";
import { type Address, address } from "../../../src/machine/address.ts";
import { describePlan } from "../../../src/patch/describe.ts";
import { findSkew } from "../../../src/patch/find.ts";
import { planInjection } from "../../../src/patch/inject.ts";
import { findLandings, placePages } from "../../../src/patch/landing.ts";
import type { PatchPlan } from "../../../src/patch/plan.ts";
import { planProbe } from "../../../src/patch/probe.ts";
import { planRecovery } from "../../../src/patch/recover.ts";
import { planRewrites } from "../../../src/patch/trampoline.ts";
import { readVdso, type Vdso } from "../../../src/patch/vdso.ts";
import type { Mapping } from "../../../src/target/proc.ts";
import { words } from "../machine/aarch64/prologues.ts";
import {
  type Functions,
  imageOf,
  KERNELS,
  machine,
  NOP,
  prologueOf,
  START,
  targetWith,
} from "./aarch64-images.ts";
import { Target } from "./memory.ts";
import { hollowPayload } from "./payloads.ts";
import { SETTINGS, tailOf } from "./scenes.ts";

const MIB = 1n << 20n;
const GIB = 1n << 30n;
const RET = "d65f03c0";
const payload = hollowPayload("aarch64");
const ENTRY = 0x800;

function injectionOf(vdso: Vdso, pages: Address): PatchPlan {
  return planInjection({ pid: 1, vdso, payload, pages, settings: SETTINGS, pristineTail: tailOf(vdso) });
}

describe.each(KERNELS)("Linux %s", (_, first, second) => {
  const functions = { clock_gettime: prologueOf(first), gettimeofday: prologueOf(second) };

  describe.each([
    ["at the beginning of words", 0],
    ["in the middle of words", 4],
  ])("with entries %s", (_where, shift) => {
    const bytes = imageOf({ ...functions, at: ENTRY + shift });
    const { target, vdso } = targetWith(bytes);
    const pages = placePages(target.maps(), vdso, payload)!;
    const plan = injectionOf(vdso, pages);

    it("is within reach, and leaves who sleeps asleep", () => {
      expect(pages).toBe(vdso.end + 4096n);
      expect(plan).toMatchObject({ machine: "aarch64", sleepers: "left", stop: "all" });
      expect(plan.steps.filter(({ op }) => op === "move")).toMatchObject([{ moves: [] }, { moves: [] }]);
    });

    it("replaces one instruction of each function, and finds its way back", () => {
      const done = target.fork();
      expect(done.run(plan)).toMatchObject({ end: "done", error: 0 });
      const expected = bytes.slice();
      for (const fn of vdso.functions) {
        const jump = done.read(fn.address, 4)!;
        expect(machine.decodeJump(jump, fn.address)).toBe(pages + BigInt(payload.entries[fn.name]));
        expected.set(jump, fn.offset);
        const trampoline = address(pages + BigInt(payload.trampolines[fn.name]));
        const back = machine.decodeJump(done.read(address(trampoline + 4n), 4)!, address(trampoline + 4n));
        expect(back).toBe(fn.address + 4n);
      }
      expect(Buffer.compare(done.read(START, bytes.length)!, expected)).toBe(0);

      const now = readVdso(address(START), done.read(START, bytes.length)!);
      const found = findSkew({
        ...{ vdso: now, maps: done.maps(), read: done.read.bind(done), pristine: bytes, payload },
        pagesWithout: () => undefined,
      });
      expect(found.state).toBe("skewed");
      if (!("mark" in found)) return;
      const read = (at: Address, length: number) => done.read(at, length)!;
      const recovery = planRecovery({ pid: 1, vdso: now, found, pristineTail: tailOf(vdso), read });
      expect(done.run(recovery)).toMatchObject({ end: "done", error: 0, lingering: 0 });
      expect(done.state()).toEqual(target.state());
    });

    it("tells so", () => {
      const text = describePlan(plan).join("\n");
      const [fn] = vdso.functions;
      const entry = pages + BigInt(payload.entries.clock_gettime);
      expect(text).toContain(`after   0x${fn!.address.toString(16)}`);
      expect(text).toContain(`b 0x${entry.toString(16)}`);
      expect(text).toContain("no prologue has an instruction that the jump cuts");
    });

    it("is read without a skew, too", () => {
      const probe = planProbe({
        ...{ pid: 1, vdso, payload, pages: { free: pages }, wanted: 1n, pristineTail: tailOf(vdso) },
      });
      const done = target.fork();
      expect(done.run(probe)).toMatchObject({ end: "done", error: 0 });
      expect(done.state()).toEqual(target.state());
    });
  });
});

const PLAIN = words(`7100401f ${NOP}`);

describe("refusals", () => {
  function refusalOf(functions: Functions): unknown {
    const { vdso } = targetWith(imageOf(functions));
    try {
      planRewrites(vdso, payload, address(vdso.end + 4096n));
    } catch (error) {
      return error;
    }
    return undefined;
  }

  it.each([
    ["a jump already", `14000010 ${NOP}`, "begins with a jump already"],
    ["a longer one", "90000010 d61f0200", "begins with a jump already"],
    ["a call", `94000010 ${NOP}`, "a call would return into the trampoline (at offset 0x0)"],
    ["a return", `${RET} ${NOP}`, "the function ends here, or goes on elsewhere (at offset 0x0)"],
    ["a breakpoint", `d4200000 ${NOP}`, "a breakpoint (at offset 0x0)"],
    ["no instruction", `00000000 ${NOP}`, "an instruction that ends the program (at offset 0x0)"],
  ])("%s", (_, code, why) => {
    const refusal = refusalOf({ clock_gettime: PLAIN, gettimeofday: words(code) });
    expect(refusal).toBeInstanceOf(TimeskewError);
    expect(refusal).toMatchObject({ code: "E_VDSO" });
    expect((refusal as Error).message).toContain("gettimeofday cannot be patched safely");
    expect((refusal as Error).message).toContain(why);
  });

  it("a loop back to an entry", () => {
    // b.eq .-0x104: from the second function's second instruction to the first one's entry
    const looping = words(`${NOP} 54fff7e0`);
    expect(refusalOf({ clock_gettime: PLAIN, gettimeofday: looping })).toMatchObject({
      message: expect.stringContaining("branches into its first 4 bytes"),
    });
  });

  it("two functions in one word", () => {
    const refusal = refusalOf({ clock_gettime: words(NOP), gettimeofday: words(NOP), apart: 4 });
    expect(refusal).toMatchObject({ message: expect.stringContaining("begins in the same aligned word") });
  });
});

describe("the place of our pages", () => {
  const { target, vdso } = targetWith(imageOf({ clock_gettime: PLAIN, gettimeofday: PLAIN }));
  /** Everything from there to the image is taken, and everything from its end to there. */
  const between = (start: bigint, end: bigint): Mapping[] => {
    const maps = target.maps();
    const below = { ...maps[0]!, path: "/below", start: address(start), end: maps[0]!.start };
    const above = { ...maps[0]!, path: "/above", start: vdso.end, end: address(end) };
    return [...maps, below, above];
  };

  it("is above, or as far below as a jump reaches", () => {
    const above = placePages(between(START - GIB, vdso.end + 100n * MIB), vdso, payload)!;
    expect(above).toBe(vdso.end + 100n * MIB + 4096n);
    const below = placePages(between(START - 100n * MIB, START + GIB), vdso, payload)!;
    expect(below).toBeLessThan(START - 100n * MIB);
    expect(START - below).toBeLessThan(128n * MIB);
    for (const pages of [above, below]) expect(findLandings(vdso, payload, pages)).toBeDefined();
  });

  it("is none where all of that is taken", () => {
    expect(placePages(between(START - 128n * MIB, START + 128n * MIB), vdso, payload)).toBeUndefined();
  });

  it("is not above where addresses end", () => {
    // 39 bits, and the image right below that.
    const high = address((1n << 39n) - 0x4000n);
    const near = readVdso(high, vdso.bytes);
    const maps = new Target({ start: high, bytes: vdso.bytes }).maps();
    expect(placePages(maps, near, payload)).toBeLessThan(high);
  });
});
