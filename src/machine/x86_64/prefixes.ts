/**
 * Reads what stands before an opcode: legacy prefixes and REX, or the fields of VEX and EVEX.
 */
import type { Cursor } from "./cursor.ts";
import type { MandatoryPrefix } from "./opcodes.ts";
import type { VectorPrefix } from "./vector.ts";

export interface Prefixes {
  /** 66 */
  readonly operandSize: boolean;
  /** 67 */
  readonly addressSize: boolean;
  /** F0 */
  readonly lock: boolean;
  /** F2 or F3, else 0. */
  readonly repeat: number;
  /** The segment override in force: 64 (FS) or 65 (GS), else any of 26, 2E, 36, 3E, else 0. In 32-bit mode the last. */
  readonly segment: number;
  /** 40…4F, else 0: always 0 in 32-bit mode. */
  readonly rex: number;
}

/** REX.W: 64-bit operands. */
export const REX_W = 8;
/** One more bit for ModRM.reg, for an index register, and for ModRM.rm, a base register or the opcode's register. */
export const REX_R = 4;
export const REX_X = 2;
export const REX_B = 1;

export function readPrefixes(cursor: Cursor): Prefixes {
  let operandSize = false;
  let addressSize = false;
  let lock = false;
  let repeat = 0;
  let segment = 0;
  for (;;) {
    const byte = cursor.peek() ?? 0;
    if (byte === 0x66) operandSize = true;
    else if (byte === 0x67) addressSize = true;
    else if (byte === 0xf0) lock = true;
    else if (byte === 0xf2 || byte === 0xf3) {
      if (repeat !== 0 && repeat !== byte) cursor.refuse("both F2 and F3");
      repeat = byte;
    } else if (SEGMENTS.has(byte)) {
      // ES, CS, SS and DS mean nothing in 64-bit mode and do not undo FS or GS.
      if (cursor.bits === 32 || byte >= FS || segment < FS) segment = byte;
    } else break;
    cursor.next();
  }
  // REX counts only where the opcode follows at once; anything else in between is refused as an opcode.
  const byte = cursor.peek() ?? 0;
  const rex = cursor.bits === 64 && (byte & 0xf0) === 0x40 ? cursor.next() : 0;
  return { operandSize, addressSize, lock, repeat, segment, rex };
}

/** The first of the two segments that mean something in 64-bit mode, FS and GS. */
export const FS = 0x64;
const SEGMENTS = new Set([0x26, 0x2e, 0x36, 0x3e, FS, 0x65]);

/** Which of the prefixes selects among the instructions of an opcode of the 0F maps. */
export function mandatoryPrefix({ repeat, operandSize }: Prefixes): MandatoryPrefix {
  if (repeat !== 0) return repeat === 0xf2 ? "f2" : "f3";
  return operandSize ? "66" : "";
}

/** Whether VEX (C4, C5) or EVEX (62) begins with this byte. In 32-bit mode it does where LES, LDS or BOUND cannot. */
export function isVectorPrefix(first: number, cursor: Cursor): boolean {
  if (first !== 0xc4 && first !== 0xc5 && first !== 0x62) return false;
  return cursor.bits === 64 || (cursor.peek() ?? 0) >= 0xc0;
}

/** Reads the rest of a VEX or EVEX prefix, whose fields are mostly stored inverted. */
export function readVectorPrefix(cursor: Cursor, first: number): VectorPrefix {
  const prefix = first === 0x62 ? readEvex(cursor) : readVex(cursor, first);
  const isExtended = prefix.regExtension !== 0 || prefix.vvvv > 7;
  if (cursor.bits === 32 && isExtended) cursor.refuse("a register that 32-bit mode does not have");
  return prefix;
}

function readVex(cursor: Cursor, first: number): VectorPrefix {
  const p0 = cursor.next();
  // C5 is C4 with the 0F map, W = 0, and R in place of W.
  const p1 = first === 0xc5 ? p0 & 0x7f : cursor.next();
  return {
    map: first === 0xc5 ? 1 : p0 & 0x1f,
    pp: p1 & 3,
    w: p1 >> 7,
    length: (p1 >> 2) & 1,
    vvvv: (~p1 >> 3) & 15,
    regExtension: (~p0 >> 7) & 1,
    evex: undefined,
  };
}

function readEvex(cursor: Cursor): VectorPrefix {
  const p0 = cursor.next();
  const p1 = cursor.next();
  const p2 = cursor.next();
  if ((p0 & 0x08) !== 0 || (p1 & 0x04) === 0) cursor.refuse("reserved EVEX bits");
  return {
    map: p0 & 7,
    pp: p1 & 3,
    w: p1 >> 7,
    length: (p2 >> 5) & 3,
    vvvv: ((~p1 >> 3) & 15) | ((~p2 & 8) << 1),
    regExtension: ((~p0 >> 7) & 1) | ((~p0 >> 3) & 2),
    evex: { mask: p2 & 7, zeroing: p2 >= 0x80, broadcast: (p2 & 0x10) !== 0 },
  };
}
