/** Instructions, of bytes that nobody wrote; what the decoder accepts, iced-x86 must accept as the same. */
import { address } from "../../../src/machine/address.ts";
import { RelocationError, UnknownInstruction } from "../../../src/machine/errors.ts";
import { branchesInto } from "../../../src/machine/x86_64/branches.ts";
import { decode } from "../../../src/machine/x86_64/decode.ts";
import { decodeJump, JUMP_LENGTH } from "../../../src/machine/x86_64/encode.ts";
import { disassemble } from "../../../src/machine/x86_64/format.ts";
import { relocatePrologue } from "../../../src/machine/x86_64/relocate.ts";
import { ask } from "../../unit/machine/x86_64/oracle.ts";
import { mutateBytes } from "../mutate.ts";
import { ACCEPTED, attempt, type Documented, must, mustBeTame, recipe } from "../parser.ts";
import type { Random } from "../random.ts";

const unknown: Documented = (error) => (error instanceof UnknownInstruction ? "unknown" : undefined);
const relocation: Documented = (error) => (error instanceof RelocationError ? error.code : undefined);

/** Prefixes, escapes and beginnings of instructions that depend on where they stand. */
const HEADS = [
  ...["", "", "", "66", "f2", "f3", "67", "64", "2e", "f0", "48", "41", "6648", "f34f", "0f", "0f38", "0f3a"],
  ...["c5f8", "c5", "c4e1", "c4e2", "c4", "62f1", "62f2", "62", "488b05", "813d", "c705", "488d0d", "ff25"],
  ...["7f", "eb", "e9", "0f8c", "e8", "e3", "c3", "cc", "0f05", "0f0b", "c7f8"],
].map((text) => Uint8Array.from(Buffer.from(text, "hex")));

function code(random: Random, instructions: number): Uint8Array {
  const parts = random.times(1, instructions, () => [
    ...random.pick(HEADS),
    ...random.bytes(random.between(1, 12)),
  ]);
  return Uint8Array.from(parts.flat());
}

export const decoder = recipe("decode", ({ vdso }) => ({
  make(random) {
    if (vdso.length === 0 || random.oneIn(2)) return code(random, 2);
    const from = random.below(vdso.length - 32);
    return mutateBytes(random, vdso.subarray(from, from + random.between(1, 24)));
  },
  run(bytes: Uint8Array) {
    return attempt(
      () => decode(bytes, 0),
      unknown,
      ({ length, branch, ripDisp }) => {
        must(length >= 1 && length <= 15 && length <= bytes.length, "1 to 15 bytes, all of them there");
        must(ripDisp === undefined || ripDisp + 4 <= length, "a displacement is inside");
        const oracle = ask(bytes, 0);
        must(oracle.isValid && oracle.length === length, "iced-x86 reads the same length");
        must(oracle.isRipRelative === (ripDisp !== undefined), "iced-x86 agrees on the memory operand");
        const target = branch && BigInt.asUintN(64, BigInt(branch.target));
        // XBEGIN's target is no branch to iced-x86.
        if (branch?.kind !== "xbegin") must(oracle.branchTarget === target, "iced-x86 agrees on the target");
      },
    );
  },
}));

interface Relocating {
  readonly bytes: Uint8Array;
  readonly from: bigint;
  readonly to: bigint;
  readonly minimum: number;
}

export const relocate = recipe("relocate", () => ({
  make: (random): Relocating => {
    const from = random.pick([0x7fff_f7fc_1800n, 0x10_0000n, random.odd64()]);
    const away = BigInt(random.pick([-0x1_0000, 0x7fff_ff00, 0x8000_0000, random.u32()]));
    return {
      bytes: code(random, 5),
      from,
      to: BigInt.asUintN(64, from + away),
      minimum: random.between(0, 16),
    };
  },
  run: ({ bytes, from, to, minimum }: Relocating) =>
    attempt(
      () => relocatePrologue(bytes, address(from), address(to), minimum),
      relocation,
      ({ prologueLength, bytes: moved, map, jumpBack }) => {
        must(
          prologueLength >= minimum && prologueLength <= bytes.length,
          "whole instructions of the function",
        );
        must(moved.length <= 16 * 16 + JUMP_LENGTH, "no more than the prologue can grow to");
        const ends = [...map.slice(1), { from: prologueLength, to: jumpBack ?? moved.length }];
        map.forEach((boundary, i) => {
          must(
            boundary.from + decode(bytes, boundary.from).length === ends[i]!.from,
            "boundaries of the function",
          );
          must(
            boundary.to + decode(moved, boundary.to).length === ends[i]!.to,
            "boundaries of the trampoline",
          );
        });
        if (jumpBack === undefined) return;
        const back = decodeJump(moved.subarray(jumpBack), address(to + BigInt(jumpBack)));
        must(back === BigInt.asUintN(64, from + BigInt(prologueLength)), "the jump leads back");
      },
    ),
}));

interface Branching {
  readonly bytes: Uint8Array;
  readonly start: number;
}

export const branches = recipe("branches", () => ({
  make: (random): Branching => ({ bytes: code(random, 6), start: random.between(-20, 80) }),
  run: ({ bytes, start }: Branching) =>
    attempt(
      () => branchesInto([{ name: "x", offset: 0, code: bytes }], start, start + 5),
      unknown,
      (found) => {
        for (const { offset, target } of found) {
          must(
            offset >= 0 && offset < bytes.length && target > start && target < start + 5,
            "a branch into the range",
          );
        }
      },
    ),
}));

export const format = recipe("format", () => ({
  make: (random) => code(random, 6),
  run(bytes: Uint8Array) {
    const lines = disassemble(bytes, 0xffff_ffff_ffff_fff0n);
    must(
      lines.reduce((sum, line) => sum + line.bytes.length, 0) === bytes.length,
      "every byte is shown once",
    );
    for (const { text } of lines) {
      mustBeTame(text);
      must(text.length > 0 && !/undefined|NaN|null/.test(text), () => `words for every part: ${text}`);
    }
    return ACCEPTED;
  },
}));
