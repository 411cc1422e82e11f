/**
 * The mark, which is the only memory that timeskew has, and which lies where the target may write to it.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { address } from "../../../src/machine/address.ts";
import {
  ADDED_OFFSET,
  decodeMark,
  encodeMark,
  encodeMarkState,
  MARK_BYTES,
  MARK_STATE_OFFSET,
  MAX_ADDED,
  type Mark,
  type Site,
} from "../../../src/patch/mark.ts";
import { FUNCTIONS } from "../../../src/patch/payload.ts";

const VDSO = { start: address(0x7fff_f7fc_1000n), end: address(0x7fff_f7fc_3000n) };
const CHECKSUM = 68;
const SITE_COUNT = 64;
const SITES = 72;

function site(offset: bigint, name: Site["function"], byte: number): Site {
  return {
    function: name,
    address: address(VDSO.start + offset),
    original: new Uint8Array(8).fill(byte),
    patched: new Uint8Array(8).fill(byte + 1),
  };
}

const MARK: Mark = {
  state: "armed",
  code: { address: address(0x7fff_f7f0_0000n), size: 4096 },
  params: { address: address(0x7fff_f7f0_1000n), size: 12288 },
  vdso: { address: VDSO.start, size: 8192 },
  sites: [site(0x800n, "clock_gettime", 1), site(0x900n, "gettimeofday", 3), site(0xa00n, "time", 5)],
  islands: [
    { address: address(0x7fff_f000_0000n), size: 8192 },
    { address: address(0x3f_0000n), size: 4096 },
  ],
  added: [
    undefined,
    { address: address(0x7fff_e000_0000n), size: 64 * 4096 },
    ...new Array<undefined>(MAX_ADDED - 2).fill(undefined),
  ],
};

/** A mark whose checksum is right again after somebody changed it: no accident. */
function forged(change: (view: DataView) => void): Uint8Array {
  const bytes = encodeMark(MARK);
  const view = new DataView(bytes.buffer);
  change(view);
  const state = view.getUint32(MARK_STATE_OFFSET, true);
  view.setUint32(MARK_STATE_OFFSET, 0, true);
  view.setUint32(CHECKSUM, 0, true);
  // FNV-1a, written down once more: the layout is a contract with other versions.
  view.setUint32(
    CHECKSUM,
    bytes
      .subarray(0, ADDED_OFFSET)
      .reduce((hash, byte) => Math.imul(hash ^ byte, 16777619) >>> 0, 2166136261),
    true,
  );
  view.setUint32(MARK_STATE_OFFSET, state, true);
  return bytes;
}

describe("a mark", () => {
  it.each(["armed", "restored"] as const)("is read as it was written, %s", (state) => {
    const mark = { ...MARK, state };
    expect(decodeMark(encodeMark(mark), VDSO)).toEqual(mark);
    expect(encodeMark(mark)).toHaveLength(MARK_BYTES);
  });

  it("is read as it was written, with any sites anywhere", () => {
    const word = fc.uint8Array({ minLength: 8, maxLength: 8 });
    const sites = fc.array(
      fc.record({
        function: fc.constantFrom(...FUNCTIONS),
        address: fc.nat(8192 / 8 - 1).map((n) => address(VDSO.start + 8n * BigInt(n))),
        original: word,
        patched: word,
      }),
      { maxLength: 8 },
    );
    const start = fc.bigInt(0n, 2n ** 47n).map((n) => address(n * 4096n));
    fc.assert(
      fc.property(sites, start, fc.integer({ min: 1, max: 64 }), (any, code, pages) => {
        const size = 4096 * pages;
        const mark: Mark = {
          ...MARK,
          code: { address: code, size },
          params: { address: address(code + BigInt(size)), size: 12288 },
          sites: any,
        };
        expect(decodeMark(encodeMark(mark), VDSO)).toEqual(mark);
      }),
      { numRuns: 200 },
    );
  });

  it("changes its state alone, without its checksum", () => {
    const bytes = encodeMark(MARK);
    bytes.set(encodeMarkState("restored"), MARK_STATE_OFFSET);
    expect(bytes).toEqual(encodeMark({ ...MARK, state: "restored" }));
    expect(encodeMarkState("armed")).toHaveLength(4);
  });

  it("is not changed by being read", () => {
    const bytes = encodeMark(MARK);
    const before = bytes.slice();
    decodeMark(bytes, VDSO);
    expect(bytes).toEqual(before);
  });

  it("has the checksum that another version would compute", () => {
    expect(forged(() => {})).toEqual(encodeMark(MARK));
  });
});

describe("what is no mark", () => {
  // The state is outside the checksum, but its two values lie two bits apart. So are the words behind it.
  it("refuses every single flipped bit, of the state too", () => {
    for (const state of ["armed", "restored"] as const) {
      const good = encodeMark({ ...MARK, state });
      for (let bit = 0; bit < 8 * ADDED_OFFSET; bit++) {
        const bytes = good.slice();
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        expect(decodeMark(bytes, VDSO), `bit ${bit & 7} of byte ${bit >> 3}`).toEqual(expect.any(String));
      }
    }
  });

  it.each([0, 1, 8, MARK_BYTES - 1])("%i bytes", (length) => {
    expect(decodeMark(encodeMark(MARK).subarray(0, length), VDSO)).toBe("is cut short");
  });

  it.each<[string, Uint8Array, string]>([
    ["zeros", new Uint8Array(MARK_BYTES), "has no magic number"],
    ["another version", forged((v) => v.setUint32(8, 1, true)), "has version 1, this timeskew knows 5"],
    ["state 0", forged((v) => v.setUint32(12, 0, true)), "has an unknown state"],
    ["state 3", forged((v) => v.setUint32(12, 3, true)), "has an unknown state"],
    ["state 2^32 - 1", forged((v) => v.setUint32(12, 0xffff_ffff, true)), "has an unknown state"],
    ["a changed reserve", encodeMark(MARK).with(SITES + 28, 1), "fails its checksum"],
    ["a changed site that does not count", encodeMark(MARK).with(ADDED_OFFSET - 1, 1), "fails its checksum"],
    ["pages apart", forged((v) => v.setBigUint64(32, 0x7fff_f7f0_2000n, true)), "has its pages apart"],
    // Numbers would round them, and find their pages together.
    ...(
      [
        [24, 2n ** 53n + 1n],
        [24, 2n ** 64n - 4096n],
        [40, 2n ** 64n - 1n],
        [40, 2n ** 32n],
      ] as const
    ).map(([at, size]): [string, Uint8Array, string] => [
      `${size} bytes of pages`,
      forged((v) => {
        v.setBigUint64(at, size, true);
        v.setBigUint64(32, BigInt.asUintN(64, MARK.code.address + v.getBigUint64(24, true)), true);
      }),
      "has pages of an impossible size",
    ]),
    ...[0n, 65n, 0xfffn].map((pages): [string, Uint8Array, string] => [
      `an island that came later, of ${pages} pages`,
      forged((v) => v.setBigUint64(ADDED_OFFSET + 16, 0x7000_0000_0000n + pages, true)),
      "has an island of an impossible size",
    ]),
    ["nine sites", forged((v) => v.setUint32(SITE_COUNT, 9, true)), "counts 9 sites"],
    ["an unknown function", forged((v) => v.setUint32(SITES + 24, 5, true)), "has a site outside the vDSO"],
    [
      "an odd site",
      forged((v) => v.setBigUint64(SITES, VDSO.start + 4n, true)),
      "has a site outside the vDSO",
    ],
    [
      "a site before",
      forged((v) => v.setBigUint64(SITES, VDSO.start - 8n, true)),
      "has a site outside the vDSO",
    ],
    ["a site behind", forged((v) => v.setBigUint64(SITES, VDSO.end, true)), "has a site outside the vDSO"],
    [
      "a site at 2^64 - 8",
      forged((v) => v.setBigUint64(SITES, 2n ** 64n - 8n, true)),
      "has a site outside the vDSO",
    ],
  ])("%s", (_, bytes, why) => {
    expect(decodeMark(bytes, VDSO)).toBe(why);
  });

  it("the last word of the vDSO may be a site", () => {
    const bytes = forged((v) => v.setBigUint64(SITES, VDSO.end - 8n, true));
    expect(decodeMark(bytes, VDSO)).toMatchObject({ sites: [{ address: VDSO.end - 8n }, {}, {}] });
  });

  it.each<[string, { start: bigint; end: bigint }]>([
    ["moved", { start: VDSO.start + 4096n, end: VDSO.end + 4096n }],
    ["longer", { start: VDSO.start, end: VDSO.end + 4096n }],
    ["shorter", { start: VDSO.start, end: VDSO.end - 4096n }],
  ])("a mark for another vDSO: %s", (_, { start, end }) => {
    expect(decodeMark(encodeMark(MARK), { start: address(start), end: address(end) })).toBe(
      "is of another vDSO",
    );
  });

  it("gives a reason for any bytes, and throws for none", () => {
    const good = encodeMark(MARK);
    const headed = fc
      .uint8Array({ minLength: MARK_BYTES - 16, maxLength: MARK_BYTES })
      .map((rest) => Uint8Array.from([...good.subarray(0, 16), ...rest]));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 2 * MARK_BYTES }), headed), (bytes) => {
        expect(decodeMark(bytes, VDSO)).toEqual(expect.stringMatching(/^(is|has|fails|counts) /));
      }),
      { numRuns: 500 },
    );
    const forgeries = fc.uint8Array({ minLength: MARK_BYTES - 16, maxLength: MARK_BYTES - 16 });
    fc.assert(
      fc.property(forgeries, (rest) => {
        const bytes = forged((view) => new Uint8Array(view.buffer).set(rest, 16));
        expect(decodeMark(bytes, VDSO)).toBe("is of another vDSO");
      }),
      { numRuns: 200 },
    );
  });
});
