/**
 * The decoder on bytes that nobody wrote: whatever it accepts, iced-x86 must accept with the same length.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UnknownInstruction } from "../../../../src/machine/errors.ts";
import { decode } from "../../../../src/machine/x86_64/decode.ts";
import type { Bits, Instruction } from "../../../../src/machine/x86_64/instruction.ts";
import { ask } from "./oracle.ts";
import { assembled, hex } from "./prologues.ts";
import { PROLOGUES as OLDER } from "./prologues-4.15-to-5.10.ts";
import { PROLOGUES as NEWER } from "./prologues-6.1-to-7.2.ts";

const SEED = 0x7153_6577;
/** Instructions in one run: fast-check's own cost is per run. */
const BATCH = 200;
/** The longest instruction is 15 bytes. */
const BYTES = 16;

const MODES: readonly { bits: Bits; prefixes: readonly string[]; heads: readonly string[] }[] = [
  {
    bits: 64,
    prefixes: ["", "66", "f2", "f3", "67", "64", "2e", "f0", "48", "41", "6648", "f248", "f34f", "6667"],
    heads: [
      "",
      "0f",
      "0f38",
      "0f3a",
      "c5f8",
      "c5fd",
      "c5",
      "c4e1",
      "c4e2",
      "c4e3",
      "c4",
      "62f1",
      "62f2",
      "62",
    ],
  },
  {
    bits: 32,
    prefixes: ["", "66", "f2", "f3", "67", "64", "2e", "f0", "6667", "f267", "266536"],
    heads: [
      "",
      "0f",
      "0f38",
      "0f3a",
      "c5f8",
      "c5fd",
      "c5",
      "c4e1",
      "c4e2",
      "c4e3",
      "c4",
      "62f1",
      "62f2",
      "62",
    ],
  },
];

describe.each(MODES)(
  "agreement with iced-x86 on random bytes, in $bits-bit mode",
  ({ bits, prefixes, heads }) => {
    it("plain bytes, decoded at every offset (200,000 starts)", () => {
      const tally = { accepted: 0, refused: 0 };
      fc.assert(
        fc.property(fc.uint8Array({ minLength: BATCH + BYTES, maxLength: BATCH + BYTES }), (code) => {
          for (let offset = 0; offset < BATCH; offset += 1) check(code, offset, tally, bits);
        }),
        { seed: SEED, numRuns: 1000 },
      );
      expect(tally.accepted).toBeGreaterThan(100_000);
    });

    it("bytes behind the prefixes and escapes of each opcode map (200,000 instructions)", () => {
      const tally = { accepted: 0, refused: 0 };
      const start = fc.tuple(fc.constantFrom(...prefixes), fc.constantFrom(...heads));
      const tail = fc.uint8Array({ minLength: BATCH + BYTES, maxLength: BATCH + BYTES });
      fc.assert(
        fc.property(start, tail, ([prefix, head], random) => {
          const fixed = Buffer.from(prefix + head, "hex");
          for (let offset = 0; offset < BATCH; offset += 1) {
            check(Uint8Array.from([...fixed, ...random.subarray(offset, offset + BYTES)]), 0, tally, bits);
          }
        }),
        { seed: SEED, numRuns: 1000 },
      );
      // Most of these encodings are reserved.
      expect(tally.accepted).toBeGreaterThan(20_000);
    });

    it("real prologues with one byte changed (every byte, every value)", () => {
      const tally = { accepted: 0, refused: 0 };
      for (const { code: listing } of [...OLDER, ...NEWER]) {
        const original = Uint8Array.from([...assembled(listing), ...new Uint8Array(BYTES)]);
        const size = original.length - BYTES;
        for (let position = 0; position < size; position += 1) {
          const mutant = original.slice();
          for (let value = 0; value < 256; value += 1) {
            mutant[position] = value;
            check(mutant, position, tally, bits);
            check(mutant, Math.max(0, position - 1), tally, bits);
          }
        }
      }
      expect(tally.accepted).toBeGreaterThan(100_000);
    });
  },
);

describe.each(MODES)("the end of the buffer, in $bits-bit mode", ({ bits }) => {
  it("never accepts a part of an instruction, and reads no byte behind it", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (code) => {
        for (let offset = 0; offset < 48; offset += 1) {
          const whole = attempt(code, offset, bits);
          if (whole === undefined) continue;
          const end = offset + whole.length;
          // The bytes behind the end of a subarray are still in its ArrayBuffer: they must not count.
          expect(decode(code.subarray(0, end), offset, bits)).toEqual(whole);
          for (let cut = offset; cut < end; cut += 1) {
            const part = attempt(code.subarray(0, cut), offset, bits);
            expect(part, hex(code.subarray(offset, end))).toBeUndefined();
          }
        }
      }),
      { seed: SEED, numRuns: 200 },
    );
  });
});

interface Tally {
  accepted: number;
  refused: number;
}

function check(code: Uint8Array, offset: number, tally: Tally, bits: Bits): void {
  const instruction = attempt(code, offset, bits);
  if (instruction === undefined) {
    tally.refused += 1;
    return;
  }
  tally.accepted += 1;
  const verdict = ask(code, offset, 0n, bits);
  const { branch } = instruction;
  const target = branch === undefined ? undefined : BigInt.asUintN(bits, BigInt(branch.target));
  const isSame =
    verdict.isValid &&
    verdict.length === instruction.length &&
    verdict.isRipRelative === (instruction.ripDisp !== undefined) &&
    verdict.branchTarget === target;
  // An expect() for each of half a million instructions would take most of the time.
  if (!isSame)
    expect.fail(`${hex(code.subarray(offset, offset + 15))} is ${verdict.code}, ${verdict.length} bytes`);
}

/** Undefined where the decoder refuses; any other error is a failure. */
function attempt(code: Uint8Array, offset: number, bits: Bits): Instruction | undefined {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return decode(code, offset, bits);
  } catch (error) {
    if (error instanceof UnknownInstruction) return undefined;
    throw error;
  } finally {
    Error.stackTraceLimit = limit;
  }
}
