/**
 * A moved instruction means what it meant: iced-x86 reads both and must find the same operation, the same
 * operands, the same memory and the same branch target.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Address, address } from "../../../../src/machine/address.ts";
import type { Relocation } from "../../../../src/machine/code.ts";
import { RelocationError } from "../../../../src/machine/errors.ts";
import { JUMP_LENGTH } from "../../../../src/machine/x86_64/encode.ts";
import { relocatePrologue } from "../../../../src/machine/x86_64/relocate.ts";
import { functionsOf, ownLibc } from "./images.ts";
import { ask } from "./oracle.ts";
import { hex, IMAGE } from "./prologues.ts";

const SEED = 0x7153_6577;

/** Beginnings of the instructions that a relocator can get wrong; random bytes follow. */
const HEADS = [
  "",
  "488b05",
  "813d",
  "c705",
  "0f10",
  "c5fe6f05",
  "488d0d",
  "ff25",
  "7f",
  "eb",
  "e9",
  "0f8c",
  "2e75",
];
const instruction = fc
  .tuple(fc.constantFrom(...HEADS), fc.uint8Array({ minLength: 8, maxLength: 12 }))
  .map(([head, tail]) => [...Buffer.from(head, "hex"), ...tail]);
const randomCode = fc
  .array(instruction, { minLength: 4, maxLength: 4 })
  .map((instructions) => Uint8Array.from(instructions.flat()));
const distance = fc.bigInt(-0x4000_0000n, 0x4000_0000n);

describe("relocated instructions", () => {
  it("mean the same, for random code", () => {
    let moved = 0;
    fc.assert(
      fc.property(randomCode, distance, fc.integer({ min: 1, max: 14 }), (code, away, minimum) => {
        moved += isMovedFaithfully(code, address(IMAGE + away), minimum) ? 1 : 0;
      }),
      { seed: SEED, numRuns: 20_000 },
    );
    expect(moved).toBeGreaterThan(5_000);
  });

  const libc = process.arch === "x64" ? ownLibc() : undefined;
  it.skipIf(libc === undefined)("mean the same, for every function of the C library", () => {
    const functions = functionsOf(libc!);
    const moved = functions.filter(({ code }) => isMovedFaithfully(code, address(IMAGE - 0x1234_5678n), 5));
    // The others are shorter than a jump, or begin with a call or a system call.
    expect(moved.length / functions.length).toBeGreaterThan(0.7);
  });
});

/** Whether the code could be moved at all; fails the test where it was moved wrongly. */
function isMovedFaithfully(code: Uint8Array, to: Address, minimum: number): boolean {
  const from = address(IMAGE);
  const moved = attempt(code, from, to, minimum);
  if (moved === undefined) return false;
  const { prologueLength, bytes, map, jumpBack } = moved;
  const ends = [...map.slice(1), { from: prologueLength, to: jumpBack ?? bytes.length }];

  map.forEach((boundary, index) => {
    const before = { ...describeAt(code, boundary.from, from) };
    const after = { ...describeAt(bytes, boundary.to, to) };
    const context = `${hex(code.subarray(boundary.from, boundary.from + 15))} moved to 0x${to.toString(16)}`;
    expect(boundary.from + before.length, context).toBe(ends[index]!.from);
    expect(boundary.to + after.length, context).toBe(ends[index]!.to);
    expect(after.meaning, context).toEqual(before.meaning);
    if (before.isPositionIndependent) {
      expect(hex(bytes.subarray(boundary.to, ends[index]!.to))).toBe(
        hex(code.subarray(boundary.from, ends[index]!.from)),
      );
    }
  });

  expect(prologueLength).toBeGreaterThanOrEqual(minimum);
  if (jumpBack === undefined) return true;
  expect(bytes.length).toBe(jumpBack + JUMP_LENGTH);
  expect(ask(bytes, jumpBack, to).branchTarget).toBe(from + BigInt(prologueLength));
  return true;
}

function describeAt(code: Uint8Array, offset: number, base: Address) {
  const verdict = ask(code, offset, base);
  const { length, isRipRelative, branchTarget, nearCode, text } = verdict;
  // The text has every operand, with the absolute address of RIP-relative memory. (A branch is its target:
  // iced names the BND prefix on near ones only.)
  const meaning =
    branchTarget === undefined
      ? { operation: nearCode, text, isRipRelative }
      : { operation: nearCode, branchTarget };
  return { length, meaning, isPositionIndependent: !isRipRelative && branchTarget === undefined };
}

function attempt(code: Uint8Array, from: Address, to: Address, minimum: number): Relocation | undefined {
  try {
    return relocatePrologue(code, from, to, minimum);
  } catch (error) {
    if (error instanceof RelocationError) return undefined;
    throw error;
  }
}
