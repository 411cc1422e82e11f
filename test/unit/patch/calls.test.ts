/** Where islands go, and how the bytes of call sites are rewritten. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Address, address } from "../../../src/machine/address.ts";
import { machineOf } from "../../../src/machine/machine.ts";
import { jumpOf, planIslands, rewriteSites, windowOf } from "../../../src/patch/calls.ts";
import { type CallRecord, isInOnePage } from "../../../src/patch/island.ts";
import type { Mapping } from "../../../src/target/proc.ts";

const X86_64 = machineOf("x86_64");
const FUTEX = Uint8Array.of(0xb8, 0xca, 0, 0, 0);
const PAGES = { start: address(0x7fff_f7f0_0000n), end: address(0x7fff_f7f0_9000n) };
const PARAMS = address(0x7fff_f7f0_2000n);

const mapping = (start: bigint, end: bigint, path = "/code"): Mapping => ({
  start: address(start),
  end: address(end),
  perms: "r-xp",
  offset: 0n,
  device: "fe:00",
  inode: 7n,
  path,
  deleted: false,
});

const site = (at: bigint, moved = FUTEX) => ({
  address: address(at),
  moved,
  call: address(at + BigInt(moved.length)),
  free: 8,
  what: "",
});

const plan = (maps: readonly Mapping[], ...sites: ReturnType<typeof site>[]) =>
  planIslands({
    machine: X86_64,
    maps,
    sites,
    pages: PAGES,
    params: PARAMS,
    enter: address(PAGES.start + 0x400n),
  });

describe("islands", () => {
  const program = mapping(0x40_0000n, 0x50_0000n);
  const heap = mapping(0x50_0000n, 0x60_0000n, "[heap]");
  const libc = mapping(0x7fff_f7d0_0000n, 0x7fff_f7e8_0000n);

  it("are below a program, above which its heap grows, a page away", () => {
    const [island, ...others] = plan([program, heap], site(0x40_1000n), site(0x4f_0000n));
    expect(others).toEqual([]);
    expect(island).toMatchObject({ address: 0x3f_e000n, size: 4096, records: { length: 2 } });
  });

  it("are above libraries, from which the kernel goes down", () => {
    expect(plan([libc], site(0x7fff_f7d1_0000n))).toMatchObject([{ address: 0x7fff_f7e8_1000n }]);
  });

  it("are one for neighbours, and one for each that is far from the others", () => {
    const islands = plan([program, libc], site(0x7fff_f7d1_0000n), site(0x40_1000n), site(0x7fff_f7e7_0000n));
    expect(islands.map(({ records }) => records.map(({ address: at }) => at))).toEqual([
      [0x40_1000n],
      [0x7fff_f7d1_0000n, 0x7fff_f7e7_0000n],
    ]);
    for (const { address: at, size, records } of islands) {
      for (const record of records) expect(jumpOf(X86_64, record)[0]).toBe(0xe9);
      for (const { start, end } of [program, libc, PAGES])
        expect(at + BigInt(size) <= start || end <= at, "it overlaps nothing").toBe(true);
    }
  });

  it("are above where there is no room below", () => {
    const low = mapping(0x1_0000n, 0x50_0000n);
    expect(plan([low], site(0x40_0000n))).toMatchObject([{ address: 0x50_1000n }]);
  });

  it("are not where there is no room at all", () => {
    const everything = mapping(0x1_0000n, 0x1_0000_0000n);
    expect(plan([everything], site(0x40_0000n))).toEqual([]);
    expect(plan([everything, libc], site(0x40_0000n), site(0x7fff_f7d1_0000n))).toHaveLength(1);
  });

  it("leave out a site whose instructions cannot be moved that far", () => {
    // mov eax, 202; mov rdx, [rip+0x7fffffff]
    const far = Uint8Array.of(...FUTEX, 0x48, 0x8b, 0x15, 0xff, 0xff, 0xff, 0x7f);
    const islands = plan([program], site(0x40_1000n), site(0x40_2000n, far));
    expect(islands.flatMap(({ records }) => records.map(({ address: at }) => at))).toEqual([0x40_1000n]);
  });

  it("are at most as many as a mark names", () => {
    const sites = Array.from({ length: 12 }, (_, i) => site(0x1000_0000_0000n + (BigInt(i) << 33n)));
    expect(plan([], ...sites)).toHaveLength(8);
  });

  it("are none for nothing", () => {
    expect(plan([program])).toEqual([]);
  });
});

describe("the window around a site", () => {
  it("is eight bytes of one page, and of one cache line if the site is", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4091 }), (offset) => {
        const at = address(0x7000n + BigInt(offset));
        expect(isInOnePage(X86_64, at)).toBe(true);
        const window = windowOf(at, 5);
        expect(window <= at && at + 5n <= window + 8n, "it holds the site").toBe(true);
        expect(window / 4096n).toBe((window + 7n) / 4096n);
        if (at / 64n === (at + 4n) / 64n) expect(window / 64n).toBe((window + 7n) / 64n);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("rewriting", () => {
  const BASE = 0x7000n;
  const record = (offset: number): CallRecord => ({
    address: address(BASE + BigInt(offset)),
    original: FUTEX,
    thunk: address(BASE + 0x10_0000n + BigInt(16 * offset)),
  });
  const jumpTo = (each: CallRecord) => jumpOf(X86_64, each);
  /** A page full of one value, with a system call at each site. */
  const memoryOf = (records: readonly CallRecord[]) => {
    const memory = new Uint8Array(4096).fill(0x90);
    for (const { address: at } of records) memory.set([...FUTEX, 0x0f, 0x05], Number(at - BASE));
    return memory;
  };
  const readerOf = (memory: Uint8Array) => (at: Address, length: number) =>
    memory.slice(Number(at - BASE), Number(at - BASE) + length);
  /** One write after the other; what a step expects must be there. */
  const carryOut = (memory: Uint8Array, steps: ReturnType<typeof rewriteSites>) => {
    for (const step of steps) {
      if (step.op !== "patch") throw new Error(step.op);
      const at = Number(step.address - BASE);
      expect(memory.slice(at, at + 8)).toEqual(step.old);
      memory.set(step.new, at);
    }
  };

  it("changes five bytes at each site and nothing else, however close they are; and back", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 60 }), (gaps) => {
        let at = 0;
        const records = gaps
          .map((gap) => {
            at += gap + 7;
            return record(at);
          })
          .filter(({ address: a }) => a < BASE + 4089n);
        const memory = memoryOf(records);
        const before = memory.slice();
        const shuffled = records.toReversed();
        const jumps = { records: shuffled, read: readerOf(memory), bytes: jumpTo, what: () => "" };
        carryOut(memory, rewriteSites(jumps));
        const expected = before.slice();
        for (const each of records) expected.set(jumpTo(each), Number(each.address - BASE));
        expect(memory).toEqual(expected);
        carryOut(memory, rewriteSites({ ...jumps, bytes: ({ original }) => original }));
        expect(memory).toEqual(before);
      }),
    );
  });

  it("says what each step is", () => {
    const steps = rewriteSites({
      records: [record(0)],
      read: () => Uint8Array.from([...FUTEX, 0x0f, 0x05, 0x90]),
      bytes: jumpTo,
      what: ({ address: at }) => `site ${at - BASE}`,
    });
    expect(steps).toMatchObject([{ op: "patch", address: BASE, what: "site 0" }]);
  });
});
