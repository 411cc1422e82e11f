/**
 * Relocated instructions do what they did: both are run, by qemu's emulation of a user's process, and must leave the same in
 * all registers (but x16), and must go on at the same place.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { expect, it } from "vitest";
import { decode } from "../../../../src/machine/aarch64/decode.ts";
import { relocatePrologue } from "../../../../src/machine/aarch64/relocate.ts";
import { address } from "../../../../src/machine/address.ts";
import { needPrograms } from "../../../support/needs.ts";
import { assembled } from "../x86_64/prologues.ts";
import { digits, words } from "./prologues.ts";
import { PROLOGUES as OLDER } from "./prologues-5.10-to-6.12.ts";
import { PROLOGUES as NEWER } from "./prologues-6.18-to-7.2.ts";

/** Where the emulated process has nothing. */
const IMAGE = 0x20_0000_0000n;
const KIB = 1n << 10n;
const MIB = 1n << 20n;
const GIB = 1n << 30n;
/** mov x17, #0x7777; ret: behind the moved instructions. And mov x17, #0x5555; ret: where a branch leads. */
const BEHIND = words("d28eeef1 d65f03c0");
const THERE = words("d28aaab1 d65f03c0");
/** What struct state tells: x0 to x17, sp, nzcv, q0 and q1. */
const STATE_WORDS = 24;

interface Piece {
  readonly at: bigint;
  readonly bytes: Uint8Array;
}

interface Case {
  readonly name: string;
  readonly pieces: readonly Piece[];
  readonly entry: bigint;
}

/** A function's first instructions, what is behind them and where they lead; and all of it with a trampoline. */
function casesOf(name: string, code: Uint8Array, at: bigint, distance: bigint): Case[] {
  const whole = Uint8Array.from([...code, ...BEHIND]);
  const moved = relocatePrologue(whole, address(at), address(at + distance), code.length);
  const trampoline = { at: at + distance, bytes: moved.bytes };
  const pieces = [{ at, bytes: whole }, ...referred(code, at)];
  const label = `${name}: ${digits(code)} moved by ${distance}`;
  return [
    { name: label, pieces, entry: at },
    { name: label, pieces: [...pieces, trampoline], entry: trampoline.at },
  ];
}

/** Code where branches lead, and data where something is loaded from. */
function referred(code: Uint8Array, at: bigint): Piece[] {
  return Array.from({ length: code.length / 4 }, (_, i) => decode(code, 4 * i)).flatMap(
    ({ offset, reference }) => {
      if (reference === undefined || reference.kind === "adrp" || reference.kind === "adr") return [];
      const target = at + BigInt(offset) + reference.distance;
      const isInside = target < at + BigInt(code.length + BEHIND.length) && target + 16n > at;
      if (isInside) return [];
      return [
        {
          at: target,
          bytes: reference.kind === "branch" ? THERE : words("89abcdef 01234567 76543210 fedcba98"),
        },
      ];
    },
  );
}

function pack(cases: readonly Case[]): Buffer {
  const numbers = cases.flatMap(({ pieces, entry }) => [
    BigInt(pieces.length),
    ...pieces.flatMap(({ at, bytes }) => {
      const padded = new Uint8Array(Math.ceil(bytes.length / 8) * 8);
      padded.set(bytes);
      return [at, BigInt(bytes.length), ...new BigUint64Array(padded.buffer)];
    }),
    entry,
  ]);
  return Buffer.from(BigUint64Array.from(numbers).buffer);
}

/** Runs them in pairs, the original first, and compares what is left. */
function expectSame(run: (input: Buffer) => Buffer, cases: readonly Case[]): void {
  const output = run(pack(cases));
  expect(output.length).toBe(cases.length * STATE_WORDS * 8);
  const state = (i: number) =>
    Array.from({ length: STATE_WORDS }, (_, word) => output.readBigUInt64LE(8 * (STATE_WORDS * i + word)))
      // x16 is nobody's at a function's entry.
      .filter((_, word) => word !== 16)
      .map((value) => value.toString(16));
  for (let i = 0; i < cases.length; i += 2) expect(state(i + 1), cases[i]!.name).toEqual(state(i));
}

const register = fc.integer({ min: 0, max: 15 });
const within = (reach: bigint) => fc.bigInt(-reach, reach);
const field = (value: bigint, shift: number, bits: number) =>
  Number(BigInt.asUintN(bits, value)) * 2 ** shift;

/** Of each kind that refers to its own address; what it refers to keeps away from the instruction itself. */
const instruction = fc
  .tuple(
    fc.constantFrom("adr", "adrp", "literal", "cond", "cbz", "tbz", "b"),
    register,
    within(8190n),
    within(0x3_fff0n),
    fc.nat(15),
    fc.nat(63),
  )
  .map(([kind, d, near, wide, condition, bit]) => {
    const branch = Math.abs(Number(near)) < 8 ? 64n : near;
    const literal = (wide < 0n ? wide - 16n : wide + 16n) & ~3n;
    switch (kind) {
      case "adr":
        return 0x1000_0000 + field(wide, 29, 2) + field(wide >> 2n, 5, 19) + d;
      case "adrp":
        return 0x9000_0000 + field(wide, 29, 2) + field(wide >> 2n, 5, 19) + d;
      case "literal":
        // Of w, x, and sign-extended; of s, d and q.
        return (
          [0x1800_0000, 0x5800_0000, 0x9800_0000, 0x1c00_0000, 0x5c00_0000, 0x9c00_0000][bit % 6]! +
          field(literal >> 2n, 5, 19) +
          (bit % 6 < 3 ? d : d & 1)
        );
      case "cond":
        return 0x5400_0000 + field(branch, 5, 19) + condition;
      case "cbz":
        return [0x3400_0000, 0xb400_0000, 0x3500_0000, 0xb500_0000][bit % 4]! + field(branch, 5, 19) + d;
      case "tbz":
        return (
          0x3600_0000 +
          (bit & 1) * 0x100_0000 +
          (bit >> 5) * 2 ** 31 +
          ((bit & 31) << 19) +
          field(branch, 5, 14) +
          d
        );
      default:
        return 0x1400_0000 + field(branch, 0, 26);
    }
  });

const magnitude = fc.oneof(
  fc.bigInt(512n * KIB, 700n * KIB),
  fc.bigInt(2n * MIB, 120n * MIB),
  fc.bigInt(130n * MIB, 3n * GIB),
);
const distance = fc.tuple(magnitude, fc.constantFrom(1n, -1n)).map(([far, sign]) => sign * (far & ~3n));

it("in trampolines near, away and far", { timeout: 120_000 }, (context) => {
  const [compiler, emulator] = needPrograms(context, "aarch64-linux-gnu-gcc", "qemu-aarch64-static");
  const folder = mkdtempSync(join(tmpdir(), "timeskew-emulate-"));
  try {
    const program = join(folder, "emulate");
    const source = fileURLToPath(new URL("emulate.c", import.meta.url));
    execFileSync(compiler!, [
      "-std=gnu11",
      "-Wall",
      "-Wextra",
      "-Werror",
      "-O2",
      "-static",
      "-o",
      program,
      source,
    ]);
    // A processor without pointer authentication: what signs a return address is nothing there.
    const run = (input: Buffer) =>
      execFileSync(emulator!, ["-cpu", "cortex-a57", program], { input, maxBuffer: 1 << 26 });

    const kernels = [...OLDER, ...NEWER].flatMap(({ name, offset, code }) => {
      const at = IMAGE + BigInt(offset);
      const both = assembled(code);
      const moves = [64n * KIB, 64n * MIB, -2n * GIB];
      const pair = name.endsWith("rt_sigreturn") ? [] : moves.flatMap((far) => casesOf(name, both, at, far));
      return [...pair, ...moves.flatMap((far) => casesOf(name, both.subarray(0, 4), at, far))];
    });
    const random = fc
      .sample(fc.tuple(instruction, distance), { numRuns: 600, seed: 0x7153 })
      .flatMap(([word, far], i) =>
        casesOf(
          "random",
          words(word.toString(16).padStart(8, "0")),
          IMAGE + 16n * GIB + BigInt(i) * MIB,
          far,
        ),
      );
    expectSame(run, [...kernels, ...random]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
