/**
 * The payload as it was built, and payloads that were built for something else.
 */

import { createRequire } from "node:module";
import type * as Iced from "iced-x86";
import { describe, expect, it } from "vitest";
import { TimeskewError } from "../../../src/errors.ts";
import { decode } from "../../../src/machine/x86_64/decode.ts";
import type { Instruction } from "../../../src/machine/x86_64/instruction.ts";
import { HEADER_SIZE, isPayload, MAX_CODE, parseHeader, parsePayload } from "../../../src/patch/payload.ts";
import { loadPayload } from "../../../src/tracer/native.ts";

const iced: typeof Iced = createRequire(import.meta.url)("iced-x86");

const payload = loadPayload();
const bytes = Uint8Array.from(payload.bytes);
const mapped = payload.codeSize + payload.paramsSize;
const textStart = Math.max(...Object.values(payload.trampolines)) + payload.trampolineSize;

/** The code from its first byte to its last: no data is among it, so a linear sweep sees every instruction. */
function* sweep(): Generator<Instruction> {
  for (let offset = textStart; offset < bytes.length; ) {
    const instruction = decode(bytes, offset);
    yield instruction;
    offset += instruction.length;
  }
}

function* sweepWithIced(): Generator<Iced.Instruction> {
  const decoder = new iced.Decoder(64, bytes.subarray(textStart), iced.DecoderOptions.None);
  decoder.ip = BigInt(textStart);
  while (decoder.canDecode) yield decoder.decode();
  decoder.free();
}

const at = ({ offset }: Instruction) => `0x${offset.toString(16)}`;

describe("the built payload", () => {
  it("fits its pages, with parameter pages behind them", () => {
    expect(payload.codeSize).toBe(4 * 4096);
    expect(payload.paramsSize).toBe(10 * 4096);
    expect(bytes.length).toBeLessThanOrEqual(payload.codeSize);
    expect(isPayload(bytes)).toBe(true);
    const { bytes: _, ...header } = payload;
    expect(parseHeader(bytes, "x86_64")).toEqual(header);
    expect(parseHeader(bytes.subarray(0, HEADER_SIZE), "x86_64")).toEqual(header);
  });

  it("has room for a trampoline for each of its functions between header and code, filled with int3", () => {
    const places = Object.values(payload.trampolines);
    expect(places).toEqual([places[0], places[0]! + 64, places[0]! + 128, 0, 0]);
    expect(places[0]).toBeGreaterThanOrEqual(HEADER_SIZE);
    expect(payload.trampolineSize).toBe(64);
    expect(bytes.subarray(places[0], textStart).every((byte) => byte === 0xcc)).toBe(true);
  });

  it("begins an instruction at each entry", () => {
    const starts = new Set([...sweep()].map(({ offset }) => offset));
    for (const entry of [
      ...Object.values(payload.entries).filter((entry) => entry !== 0),
      payload.probeEntry,
      payload.beginEntry,
      payload.enter,
      payload.gate,
      payload.gateCalled,
    ])
      expect(starts).toContain(entry);
  });

  it("decodes to its end, as iced-x86 does", () => {
    expect([...sweep()].map(({ offset, length }) => [offset, length])).toEqual(
      [...sweepWithIced()].map(({ ip, length }) => [Number(ip), length]),
    );
  });

  it("traps nowhere, and makes system calls for those who come by a thunk or the gate only", () => {
    const flows = [...sweep()].filter(({ flow }) => ["syscall", "trap", "stop"].includes(flow));
    expect(flows.filter(({ flow }) => flow !== "syscall").map(at)).toEqual([]);
    expect(flows.filter(({ offset }) => offset < payload.enter).map(at)).toEqual([]);
    expect(Math.max(...Object.values(payload.entries), payload.probeEntry, payload.beginEntry)).toBeLessThan(
      payload.enter,
    );
    expect(flows.length).toBeGreaterThan(0);
  });

  it("relies on no direction flag: it has no string instructions", () => {
    const bad = [...sweepWithIced()].filter(({ isStringInstruction }) => isStringInstruction);
    expect(bad.map(({ ip }) => ip.toString(16))).toEqual([]);
  });

  it("branches nowhere but to its own code and its trampolines", () => {
    for (const instruction of sweep()) {
      const target = instruction.branch?.target;
      if (target === undefined) continue;
      const isTrampoline = Object.values(payload.trampolines).includes(target);
      expect(isTrampoline || (target >= textStart && target < bytes.length), at(instruction)).toBe(true);
    }
  });

  it("calls through a register in the probe only, and jumps through memory at the gate only", () => {
    const indirect = [...sweep()].filter(
      ({ flow, branch }) => branch === undefined && /^(call|indirect)$/.test(flow),
    );
    const jumps = indirect.filter(({ flow }) => flow === "indirect");
    expect(jumps.map(({ offset }) => offset > payload.gateCalled)).toEqual([true]);
    // read_clock() is the only function that calls the vDSO's entries; the clock functions call trampolines.
    const lastEntry = Math.max(...Object.values(payload.entries));
    expect(indirect.filter(({ offset }) => offset < lastEntry).map(at)).toEqual([]);
    expect(indirect.length).toBeGreaterThan(0);
  });

  it("uses no vector, x87 or mask register", () => {
    const bad = [...sweepWithIced()].filter((instruction) => {
      const info = new iced.InstructionInfoFactory().info(instruction);
      const registers = info.usedRegisters().map((used) => used.register);
      return registers.some(
        (register) =>
          iced.RegisterExt.isVectorRegister(register) ||
          iced.RegisterExt.isST(register) ||
          iced.RegisterExt.isMM(register) ||
          iced.RegisterExt.isK(register),
      );
    });
    expect(bad.map(({ ip }) => ip.toString(16))).toEqual([]);
    expect([...sweep()].filter(({ map }) => map === "vector").map(at)).toEqual([]);
  });

  it("touches no thread-local memory and no absolute address; what it names lies in its own pages", () => {
    for (const instruction of sweepWithIced()) {
      const where = `0x${instruction.ip.toString(16)}`;
      expect([iced.Register.FS, iced.Register.GS], where).not.toContain(instruction.segmentPrefix);
      const kinds = Array.from({ length: instruction.opCount }, (_, i) => instruction.opKind(i));
      if (!kinds.includes(iced.OpKind.Memory)) continue;
      const isAbsolute =
        instruction.memoryBase === iced.Register.None && instruction.memoryIndex === iced.Register.None;
      // lea reg, [index*scale+disp] is arithmetic.
      expect(isAbsolute && instruction.code !== iced.Code.Lea_r64_m, where).toBe(false);
      if (!instruction.isIpRelMemoryOperand) continue;
      expect(instruction.memoryDisplacement, where).toBeLessThan(BigInt(mapped));
    }
  });

  it("loads no 64-bit constant that could be an address", () => {
    const constants = [...sweepWithIced()].filter(({ code }) => code === iced.Code.Mov_r64_imm64);
    // Linked at 0, an address would be a small number; these are limits, and bits of masks and multipliers.
    for (const { immediate64, ip } of constants) {
      expect(immediate64, `0x${ip.toString(16)}`).toBeGreaterThan(BigInt(mapped));
    }
  });
});

describe("another payload is refused", () => {
  /** The built one, with one word of its header changed: 0 is the version. */
  const changed = (word: number, value: number) => {
    const copy = bytes.slice();
    new DataView(copy.buffer).setUint32(8 + 4 * word, value, true);
    return copy;
  };

  it.each<[string, Uint8Array, string]>([
    ["an empty file", new Uint8Array(0), "the payload has no header"],
    ["half a header", bytes.subarray(0, HEADER_SIZE - 1), "the payload has no header"],
    ["another magic number", bytes.with(0, 0), "the payload has no header"],
    ["another version", changed(0, 1), "has the layout 1,40960,4032,4096,8192,20480,64 instead of 5,40960,"],
    ["another machine", changed(1, 183), "the payload is for machine 183 instead of 62"],
    ["another size of the parameter pages", changed(3, 8192), "layout 5,8192,"],
    ["another index", changed(4, 0), "layout"],
    ["other slots", changed(5, 0), "layout"],
    ["another size of a slot", changed(6, 4096), "layout"],
    ["another probe", changed(7, 0), "layout"],
    ["another size of a trampoline", changed(8, 2 ** 31), "layout"],
    ["no code", changed(2, 0), "offsets outside"],
    ["more code than its pages", changed(2, 1024), "offsets outside"],
    ["a page that is none", changed(2, 4097), "offsets outside"],
    ["more pages than any payload has", changed(2, MAX_CODE + 4096), "offsets outside"],
    ["a probe outside", changed(9, bytes.length + 1), "offsets outside"],
    ["an entry outside", changed(11, 20_000), "offsets outside"],
    ["a place for thunks to call outside", changed(20, bytes.length), "offsets outside"],
    ["a beginning of profiles outside", changed(21, bytes.length), "offsets outside"],
    ["a gate outside", changed(22, bytes.length), "offsets outside"],
    ["a gate's call outside", changed(23, bytes.length), "offsets outside"],
    ["a trampoline outside", changed(17, 2 ** 32 - 1), "offsets outside"],
    ["a trampoline that ends outside", changed(17, bytes.length - 1), "offsets outside"],
    ["a trampoline that ends one byte outside", changed(17, bytes.length - 63), "offsets outside"],
    ["a cut file", bytes.subarray(0, textStart), "offsets outside"],
  ])("%s", (_, other, why) => {
    const parse = () => parsePayload(other, "x86_64");
    expect(parse).toThrow(TimeskewError);
    expect(parse).toThrow(
      expect.objectContaining({
        code: "E_INTERNAL",
        hint: "build it again: npm run build",
        message: expect.stringContaining(why),
      }),
    );
  });

  // Code is a byte or more: an entry at the end is outside.
  it.each([9, 10, 11, 12, 20, 21, 22, 23])("an entry right behind the code, word %i", (word) => {
    expect(() => parsePayload(changed(word, bytes.length), "x86_64")).toThrow(TimeskewError);
  });

  it("while a trampoline may end where the file does", () => {
    const end = bytes.length - payload.trampolineSize;
    expect(parsePayload(changed(17, end), "x86_64").trampolines.time).toBe(end);
  });

  it.each([
    [changed(2, MAX_CODE), { codeSize: MAX_CODE }],
    [changed(17, payload.codeSize - 64), { trampolines: { time: payload.codeSize - 64 } }],
  ])("but a header in a target may say more than our file has: %#", (other, expected) => {
    expect(parseHeader(other, "x86_64")).toMatchObject(expected);
  });

  it.each([
    [changed(17, payload.codeSize - 63), "has offsets outside"],
    [changed(2, MAX_CODE + 4096), "has offsets outside"],
    [changed(2, 0), "has offsets outside"],
    [bytes.subarray(0, HEADER_SIZE - 1), "has no header"],
    [new Uint8Array(), "has no header"],
  ])("and a header in a target that says nonsense is refused by a word: %#", (other, why) => {
    expect(parseHeader(other, "x86_64")).toBe(why);
  });
});

it("knows payloads of other versions, and tells what is none", () => {
  expect(isPayload(bytes.subarray(0, 8))).toBe(true);
  expect(isPayload(bytes.subarray(0, 7))).toBe(false);
  expect(isPayload(bytes.with(8, 9))).toBe(true);
  expect(isPayload(bytes.with(7, 0))).toBe(false);
  expect(isPayload(new Uint8Array(HEADER_SIZE))).toBe(false);
});
