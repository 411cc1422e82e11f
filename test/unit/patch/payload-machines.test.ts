/** The payloads for other machines than the tool's, as they were built. payload.test.ts looks closer at x86-64's. */
import { createRequire } from "node:module";
import type * as Iced from "iced-x86";
import { describe, expect, it, type TestContext } from "vitest";
import { TimeskewError } from "../../../src/errors.ts";
import {
  FUNCTIONS,
  HEADER_SIZE,
  MAX_CODE,
  type Payload,
  type PayloadMachine,
  parsePayload,
} from "../../../src/patch/payload.ts";
import { loadPayload } from "../../../src/tracer/native.ts";

const iced: typeof Iced = createRequire(import.meta.url)("iced-x86");

/** Or the test is skipped: not every compiler makes 32-bit code, and arm64's payload is made on demand. */
function need(context: TestContext, machine: PayloadMachine): Payload {
  try {
    return loadPayload(machine);
  } catch (error) {
    if (!(error instanceof TimeskewError)) throw error;
    const command = machine === "aarch64" ? "npm run build:arm64" : "npm run build";
    return context.skip(`needs the payload for ${machine}: ${command}`);
  }
}

function textOf({ bytes, trampolines, trampolineSize }: Payload): { start: number; code: Uint8Array } {
  const start = Math.max(...Object.values(trampolines)) + trampolineSize;
  return { start, code: bytes.subarray(start) };
}

describe.each([
  ["i386", FUNCTIONS, "cc"],
  ["aarch64", ["clock_gettime", "gettimeofday"], "000020d4"],
] as const)("the payload for %s", (machine, has, trap) => {
  it("says whom it is for, and is refused for anybody else", (context) => {
    const payload = need(context, machine);
    expect(payload.machine).toBe(machine);
    for (const other of ["x86_64", "i386", "aarch64"] as const) {
      if (other === machine) continue;
      expect(() => parsePayload(Uint8Array.from(payload.bytes), other)).toThrow(/for machine \d+ instead of/);
    }
  });

  it("has an entry and room for a trampoline for each function of the machine", (context) => {
    const { entries, trampolines, bytes, codeSize, trampolineSize } = need(context, machine);
    expect(FUNCTIONS.filter((name) => entries[name] !== 0)).toEqual(has);
    expect(FUNCTIONS.filter((name) => trampolines[name] !== 0)).toEqual(has);
    expect(new Set(has.map((name) => entries[name])).size).toBe(has.length);
    expect(new Set(has.map((name) => trampolines[name])).size).toBe(has.length);
    for (const name of has) {
      expect(trampolines[name]).toBeGreaterThanOrEqual(HEADER_SIZE);
      expect(trampolines[name] % trampolineSize).toBe(0);
      const room = bytes.subarray(trampolines[name], trampolines[name] + trampolineSize);
      expect(Buffer.from(room).toString("hex")).toBe(trap.repeat((2 * trampolineSize) / trap.length));
    }
    expect(bytes.length).toBeLessThanOrEqual(codeSize);
    expect(codeSize).toBeLessThanOrEqual(MAX_CODE);
  });
});

describe("the code for i386", () => {
  function* sweep(payload: Payload): Generator<Iced.Instruction> {
    const { start, code } = textOf(payload);
    const decoder = new iced.Decoder(32, code, iced.DecoderOptions.None);
    decoder.ip = BigInt(start);
    while (decoder.canDecode) yield decoder.decode();
    decoder.free();
  }
  const where = ({ ip }: Iced.Instruction) => `0x${ip.toString(16)}`;
  const registers = Object.entries(iced.Register).filter(([name]) => /^([xyz]?mm|st|k)\d+$/i.test(name));
  const vectors = new Set(registers.map(([, value]) => value));

  it("is code to its end, of general registers, without string instructions", (context) => {
    const payload = need(context, "i386");
    for (const instruction of sweep(payload)) {
      expect(instruction.isInvalid, where(instruction)).toBe(false);
      expect(instruction.isStringInstruction, where(instruction)).toBe(false);
      for (let i = 0; i < instruction.opCount; i++)
        if (instruction.opKind(i) === iced.OpKind.Register)
          expect(vectors.has(instruction.opRegister(i)), where(instruction)).toBe(false);
    }
  });

  it("touches no thread-local memory and no absolute address", (context) => {
    const payload = need(context, "i386");
    for (const instruction of sweep(payload)) {
      expect([iced.Register.FS, iced.Register.GS]).not.toContain(instruction.segmentPrefix);
      const kinds = Array.from({ length: instruction.opCount }, (_, i) => instruction.opKind(i));
      if (!kinds.includes(iced.OpKind.Memory) || instruction.mnemonic === iced.Mnemonic.Lea) continue;
      const { memoryBase, memoryIndex } = instruction;
      expect(
        memoryBase === iced.Register.None && memoryIndex === iced.Register.None,
        where(instruction),
      ).toBe(false);
    }
  });

  it("makes no system call where clocks are read", (context) => {
    const payload = need(context, "i386");
    const calls = [...sweep(payload)].filter(({ mnemonic }) =>
      [iced.Mnemonic.Int, iced.Mnemonic.Sysenter, iced.Mnemonic.Syscall].includes(mnemonic),
    );
    expect(calls.length).toBeGreaterThan(0);
    for (const { ip } of calls) expect(Number(ip)).toBeGreaterThanOrEqual(payload.entries.vsyscall);
    const { clock_gettime, gettimeofday, time, clock_gettime64 } = payload.entries;
    const reading = [
      clock_gettime,
      gettimeofday,
      time,
      clock_gettime64,
      payload.probeEntry,
      payload.beginEntry,
    ];
    expect(Math.max(...reading)).toBeLessThan(payload.entries.vsyscall);
  });
});

describe("the code for aarch64", () => {
  /** Each word and its offset. */
  function wordsOf(payload: Payload): [number, number][] {
    const { start, code } = textOf(payload);
    const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
    return Array.from({ length: code.length >> 2 }, (_, i) => [view.getUint32(4 * i, true), start + 4 * i]);
  }

  it("uses no vector registers", (context) => {
    const payload = need(context, "aarch64");
    // Data processing of vectors is x111 in bits 28 … 25; loads and stores, x1x0, say so in bit 26.
    const isVector = (word: number) =>
      ((word >>> 25) & 0b0111) === 0b0111 ||
      (((word >>> 25) & 0b0101) === 0b0100 && ((word >>> 26) & 1) === 1);
    expect(wordsOf(payload).filter(([word]) => isVector(word))).toEqual([]);
  });

  it("makes no system call where clocks are read", (context) => {
    const payload = need(context, "aarch64");
    const calls = wordsOf(payload).filter(([word]) => (word & 0xffe0_001f) >>> 0 === 0xd400_0001);
    expect(calls.length).toBeGreaterThan(0);
    for (const [, offset] of calls) expect(offset).toBeGreaterThanOrEqual(payload.enter);
    const { clock_gettime, gettimeofday } = payload.entries;
    const reading = [clock_gettime, gettimeofday, payload.probeEntry, payload.beginEntry];
    expect(Math.max(...reading)).toBeLessThan(payload.enter);
  });
});
