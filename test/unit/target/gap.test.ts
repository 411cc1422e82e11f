import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { address } from "../../../src/machine/address.ts";
import { type AddressRange, freeGap } from "../../../src/target/gap.ts";
import { findMapping, type Mapping, parseMaps } from "../../../src/target/proc.ts";

const PAGE = 4096n;
const REL32 = 2n ** 31n - 16n;

/** Mappings from "first page–page after the last: path", so that tests can think in pages. */
function pages(...specs: [first: number, end: number, path?: string][]): Mapping[] {
  return specs.map(([first, end, path = "/file"]) => ({
    start: address(BigInt(first) * PAGE),
    end: address(BigInt(end) * PAGE),
    perms: "rw-p",
    offset: 0n,
    device: "00:00",
    inode: 0n,
    path,
    deleted: false,
  }));
}

/** A gap as page numbers. */
function inPages(gap: AddressRange | undefined): [number, number] | undefined {
  return gap && [Number(gap.start / PAGE), Number(gap.end / PAGE)];
}

const LIMITS = { lowest: 0n, highest: 1000n * PAGE, stackGuard: 10n * PAGE };

function find(maps: Mapping[], size = 2n * PAGE, reach = REL32, limits: Partial<typeof LIMITS> = {}) {
  const vdso = findMapping(maps, "[vdso]")!;
  return inPages(freeGap(maps, vdso, size, reach, { ...LIMITS, ...limits }));
}

describe("freeGap", () => {
  it("takes the gap just above the vDSO, a page away from it", () => {
    expect(find(pages([500, 502, "[vdso]"]))).toEqual([503, 505]);
    expect(find(pages([500, 502, "[vdso]"], [506, 600]))).toEqual([503, 505]);
  });

  it("goes on upwards where the first gap is too small to keep its distance", () => {
    expect(find(pages([500, 502, "[vdso]"], [505, 600], [604, 700]))).toEqual([601, 603]);
  });

  it("goes below if there is nothing above, as near as it can", () => {
    expect(find(pages([498, 500, "[vvar]"], [500, 502, "[vdso]"], [503, 1000]))).toEqual([495, 497]);
  });

  it("gives up the distance only if it must", () => {
    expect(find(pages([0, 500], [500, 502, "[vdso]"], [504, 1000]))).toEqual([502, 504]);
    expect(find(pages([0, 498], [500, 502, "[vdso]"], [502, 1000]))).toEqual([498, 500]);
    expect(find(pages([0, 500], [500, 502, "[vdso]"], [503, 1000]))).toBeUndefined();
  });

  it("rounds the size up to pages", () => {
    expect(find(pages([500, 502, "[vdso]"]), 4097n)).toEqual([503, 505]);
    expect(find(pages([500, 502, "[vdso]"]), 0n)).toBeUndefined();
  });

  it("stays within reach, to the byte", () => {
    const maps = pages([500, 502, "[vdso]"], [502, 1000]);
    // The vDSO's last byte is 502 pages − 1; the gap's first byte is page 497.
    const exact = 5n * PAGE - 1n;
    expect(find(maps, 2n * PAGE, exact)).toEqual([497, 499]);
    expect(find(maps, 2n * PAGE, exact - 1n)).toEqual([498, 500]);
    expect(find(maps, 2n * PAGE, exact - PAGE - 1n)).toBeUndefined();
  });

  it("keeps out of a stack's way", () => {
    const stack = pages([500, 502, "[vdso]"], [516, 600, "[stack]"]);
    expect(find(stack)).toEqual([503, 505]);
    const near = pages([500, 502, "[vdso]"], [514, 600, "[stack]"]);
    expect(find(near)).toEqual([601, 603]);
    expect(find(pages([0, 500], [500, 502, "[vdso]"], [513, 1000, "[stack]"]))).toBeUndefined();
  });

  it("takes the anonymous memory that adjoins a stack for its lower part", () => {
    expect(find(pages([500, 502, "[vdso]"], [515, 517, ""], [517, 600, "[stack]"]))).toEqual([503, 505]);
    expect(find(pages([500, 502, "[vdso]"], [513, 517, ""], [517, 600, "[stack]"]))).toEqual([601, 603]);
    // A file's mapping is no stack: the guard lies below [stack] alone.
    expect(find(pages([500, 502, "[vdso]"], [506, 517], [517, 600, "[stack]"]))).toEqual([503, 505]);
  });

  it("respects the lowest and the highest address", () => {
    expect(find(pages([2, 4, "[vdso]"], [4, 1000]), PAGE, REL32, { lowest: PAGE })).toEqual([1, 2]);
    expect(find(pages([2, 4, "[vdso]"], [4, 1000]), PAGE, REL32, { lowest: PAGE + 1n })).toBeUndefined();
    expect(find(pages([0, 996], [996, 998, "[vdso]"]))).toEqual([998, 1000]);
    expect(find(pages([0, 997], [997, 999, "[vdso]"]))).toBeUndefined();
  });

  it("does not need the mappings in order, nor without overlap", () => {
    expect(find(pages([501, 650], [600, 700], [500, 502, "[vdso]"], [100, 300]))).toEqual([701, 703]);
  });

  it("finds one in this process", () => {
    const maps = parseMaps(readFileSync("/proc/self/maps", "latin1"));
    const vdso = findMapping(maps, "[vdso]");
    if (!vdso) return;
    const gap = freeGap(maps, vdso, 2n * PAGE, REL32)!;
    expect(maps.some((each) => each.start < gap.end && gap.start < each.end)).toBe(false);
  });
});

describe("for any process", () => {
  const SPACE = 64;
  const limits = { lowest: 2n * PAGE, highest: BigInt(SPACE) * PAGE, stackGuard: 4n * PAGE };

  /** Up to eight mappings of up to eight pages, in any order, overlapping at times; the first is the vDSO. */
  const process = fc
    .array(fc.tuple(fc.integer({ min: 0, max: SPACE - 3 }), fc.integer({ min: 1, max: 8 }), fc.boolean()), {
      minLength: 1,
      maxLength: 8,
    })
    .map((list) =>
      pages(
        ...list.map(([first, length, stack], index): [number, number, string] => [
          first,
          first + length,
          index === 0 ? "[vdso]" : stack ? "[stack]" : "/file",
        ]),
      ),
    );

  /** The rules, byte by byte of their statement: free, in bounds, in reach, out of the way of stacks. */
  function allowed(maps: Mapping[], start: bigint, size: bigint, reach: bigint, distance: bigint): boolean {
    const end = start + size;
    const vdso = maps[0]!;
    return (
      start >= limits.lowest &&
      end <= limits.highest &&
      end - 1n - vdso.start <= reach &&
      vdso.end - 1n - start <= reach &&
      maps.every((each) => {
        const below = each.path === "[stack]" && limits.stackGuard > distance ? limits.stackGuard : distance;
        return end <= each.start - below || start >= each.end + distance;
      })
    );
  }

  it("the gap obeys every rule, and there is one if any address obeys them", () => {
    fc.assert(
      fc.property(
        process,
        fc.integer({ min: 1, max: 5 }),
        fc.bigInt(0n, 40n * PAGE),
        (maps, count, reach) => {
          const size = BigInt(count) * PAGE;
          const gap = freeGap(maps, maps[0]!, size, reach, limits);
          const starts = Array.from({ length: SPACE }, (_, page) => BigInt(page) * PAGE);
          const distant = starts.filter((start) => allowed(maps, start, size, reach, PAGE));
          const any = starts.filter((start) => allowed(maps, start, size, reach, 0n));
          const choice = distant.length > 0 ? distant : any;
          // Above the vDSO the lowest, else below it the highest.
          const vdso = maps[0]!;
          expect(gap?.start).toBe(choice.find((start) => start >= vdso.end) ?? choice.at(-1));
          if (gap) expect(gap.end - gap.start).toBe(size);
        },
      ),
      { seed: 20260103, numRuns: 3000 },
    );
  });
});
