/**
 * The instructions that format.ts can spell out: those that compilers put at the beginning of a clock
 * function, and the integer instructions around them.
 *
 * Operands in the SDM's notation: where it is encoded (E: ModRM.rm, M: the same without a size, G: ModRM.reg,
 * Z: low bits of the opcode, I: immediate, J: branch target; AL, CL, 1, rAX by name) and its size (b: 8 bits,
 * w: 16, d: 32, q: 64, or 32 in 32-bit mode, v: 16, 32 or 64 by prefix). What 64-bit mode does not have never comes here then.
 */

export interface Spelling {
  readonly mnemonic: string;
  readonly operands: readonly string[];
}

const ARITHMETIC = ["add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"];
const SHIFTS = ["rol", "ror", "rcl", "rcr", "shl", "shr", undefined, "sar"];
const UNARY = [undefined, undefined, "not", "neg", "mul", "imul", "div", "idiv"];

/** Names of the conditions, by the low nibble of the opcode. */
const CONDITIONS = "o no b ae e ne be a s ns p np l ge le g".split(" ");

/** Mnemonics by opcode; behind `/`, the digit of ModRM.reg or the whole ModRM byte where it selects. */
const SPELLINGS: ReadonlyMap<string, Spelling> = new Map(
  [
    ...ARITHMETIC.flatMap((name, index) =>
      ["Eb Gb", "Ev Gv", "Gb Eb", "Gv Ev", "AL Ib", "rAX Iv"].map((operands, form) =>
        entry(hex(index * 8 + form), name, operands),
      ),
    ),
    ...ARITHMETIC.flatMap((name, reg) => [
      entry(`80/${reg}`, name, "Eb Ib"),
      entry(`81/${reg}`, name, "Ev Iv"),
      entry(`83/${reg}`, name, "Ev Iv"),
    ]),
    ...byReg(SHIFTS, { c0: "Eb Ib", c1: "Ev Ib", d0: "Eb 1", d1: "Ev 1", d2: "Eb CL", d3: "Ev CL" }),
    ...byReg(UNARY, { f6: "Eb", f7: "Ev" }),
    ...CONDITIONS.flatMap((condition, index) => [
      entry(hex(0x70 + index), `j${condition}`, "J"),
      entry(`0f${hex(0x80 + index)}`, `j${condition}`, "J"),
      entry(`0f${hex(0x40 + index)}`, `cmov${condition}`, "Gv Ev"),
      entry(`0f${hex(0x90 + index)}`, `set${condition}`, "Eb"),
    ]),
    ...Array.from({ length: 8 }, (_, register) => [
      entry(hex(0x40 + register), "inc", "Zv"),
      entry(hex(0x48 + register), "dec", "Zv"),
      entry(hex(0x50 + register), "push", "Zq"),
      entry(hex(0x58 + register), "pop", "Zq"),
      entry(hex(0xb0 + register), "mov", "Zb Ib"),
      entry(hex(0xb8 + register), "mov", "Zv Iv"),
    ]).flat(),
    entry("63", "movsxd", "Gv Ed"),
    entry("68", "push", "Iq"),
    entry("69", "imul", "Gv Ev Iv"),
    entry("6a", "push", "Iq"),
    entry("6b", "imul", "Gv Ev Iv"),
    entry("84", "test", "Eb Gb"),
    entry("85", "test", "Ev Gv"),
    entry("86", "xchg", "Gb Eb"),
    entry("87", "xchg", "Gv Ev"),
    entry("88", "mov", "Eb Gb"),
    entry("89", "mov", "Ev Gv"),
    entry("8a", "mov", "Gb Eb"),
    entry("8b", "mov", "Gv Ev"),
    entry("8d", "lea", "Gv M"),
    entry("8f/0", "pop", "Eq"),
    entry("a8", "test", "AL Ib"),
    entry("a9", "test", "rAX Iv"),
    entry("c2", "ret", "Iw"),
    entry("c3", "ret"),
    entry("c6/0", "mov", "Eb Ib"),
    entry("c7/0", "mov", "Ev Iv"),
    entry("c9", "leave"),
    entry("cc", "int3"),
    entry("cd", "int", "Ib"),
    entry("e8", "call", "J"),
    entry("e9", "jmp", "J"),
    entry("eb", "jmp", "J"),
    entry("f4", "hlt"),
    entry("f6/0", "test", "Eb Ib"),
    entry("f7/0", "test", "Ev Iv"),
    entry("fe/0", "inc", "Eb"),
    entry("fe/1", "dec", "Eb"),
    entry("ff/0", "inc", "Ev"),
    entry("ff/1", "dec", "Ev"),
    entry("ff/2", "call", "Eq"),
    entry("ff/4", "jmp", "Eq"),
    entry("ff/6", "push", "Eq"),
    entry("0f01/f9", "rdtscp"),
    entry("0f05", "syscall"),
    entry("0f0b", "ud2"),
    entry("0f1f/0", "nop", "Ev"),
    entry("0f31", "rdtsc"),
    entry("0f34", "sysenter"),
    entry("0fa2", "cpuid"),
    entry("0fa3", "bt", "Ev Gv"),
    entry("0fa4", "shld", "Ev Gv Ib"),
    entry("0fa5", "shld", "Ev Gv CL"),
    entry("0fac", "shrd", "Ev Gv Ib"),
    entry("0fad", "shrd", "Ev Gv CL"),
    entry("0fae/e8", "lfence"),
    entry("0fae/f0", "mfence"),
    entry("0fae/f8", "sfence"),
    entry("0faf", "imul", "Gv Ev"),
    entry("0fb6", "movzx", "Gv Eb"),
    entry("0fb7", "movzx", "Gv Ew"),
    entry("0fba/4", "bt", "Ev Ib"),
    entry("0fbe", "movsx", "Gv Eb"),
    entry("0fbf", "movsx", "Gv Ew"),
  ].map(({ key, ...spelling }) => [key, spelling]),
);

/** Opcode keys as used above: map and opcode in hexadecimal, and ModRM.reg or the whole ModRM byte. */
export function spellingOf(map: string, opcode: number, modrm: number | undefined): Spelling | undefined {
  const key = `${map}${hex(opcode)}`;
  if (modrm === undefined) return SPELLINGS.get(key);
  return (
    SPELLINGS.get(key) ?? SPELLINGS.get(`${key}/${(modrm >> 3) & 7}`) ?? SPELLINGS.get(`${key}/${hex(modrm)}`)
  );
}

function byReg(names: readonly (string | undefined)[], operandsOf: Record<string, string>) {
  return Object.entries(operandsOf).flatMap(([opcode, operands]) =>
    names.flatMap((name, reg) => (name === undefined ? [] : [entry(`${opcode}/${reg}`, name, operands)])),
  );
}

function entry(key: string, mnemonic: string, operands = ""): Spelling & { key: string } {
  return { key, mnemonic, operands: operands === "" ? [] : operands.split(" ") };
}

function hex(value: number): string {
  return value.toString(16).padStart(2, "0");
}
