/**
 * How loads and stores of general registers are spelled.
 */
import { index, reg, registerName, regOrSp, signed } from "./operands.ts";
import type { Fields } from "./pattern.ts";
import type { Row } from "./spellings.ts";

export const MEMORY: readonly Row[] = [
  ["0 x 011 0 00 iiiiiiiiiiiiiiiiiii ttttt", (f, target) => `ldr ${reg(f, "t")}, ${target}`],
  ["10 011 0 00 iiiiiiiiiiiiiiiiiii ttttt", (f, target) => `ldrsw ${reg(f, "t", true)}, ${target}`],
  ["00 011 1 00 iiiiiiiiiiiiiiiiiii ttttt", (f, target) => `ldr s${f("t")}, ${target}`],
  ["01 011 1 00 iiiiiiiiiiiiiiiiiii ttttt", (f, target) => `ldr d${f("t")}, ${target}`],
  ["10 011 1 00 iiiiiiiiiiiiiiiiiii ttttt", (f, target) => `ldr q${f("t")}, ${target}`],
  ["x 0 101 0 001 l iiiiiii uuuuu nnnnn ttttt", (f) => pair(f, (at, by) => `[${at}], ${by}`)],
  ["x 0 101 0 010 l iiiiiii uuuuu nnnnn ttttt", (f) => pair(f, offset)],
  ["x 0 101 0 011 l iiiiiii uuuuu nnnnn ttttt", (f) => pair(f, (at, by) => `[${at}, ${by}]!`)],
  ["zz 111 0 00 oo 0 iiiiiiiii 00 nnnnn ttttt", (f) => access(f, "u", offset)],
  ["zz 111 0 00 oo 0 iiiiiiiii 01 nnnnn ttttt", (f) => access(f, "", (at, by) => `[${at}], ${by}`)],
  ["zz 111 0 00 oo 0 iiiiiiiii 11 nnnnn ttttt", (f) => access(f, "", (at, by) => `[${at}, ${by}]!`)],
  ["zz 111 0 00 oo 1 mmmmm ppp s 10 nnnnn ttttt", (f) => indexed(f)],
  ["zz 111 0 01 oo iiiiiiiiiiii nnnnn ttttt", (f) => unsignedOffset(f)],
];

type Addressing = (base: string, by: string) => string;

const offset: Addressing = (base, by) => (by === "#0" ? `[${base}]` : `[${base}, ${by}]`);

function pair(f: Fields, addressing: Addressing): string {
  const by = signed(f("i"), 7) * (f("x") === 1 ? 8 : 4);
  const mnemonic = f("l") === 1 ? "ldp" : "stp";
  return `${mnemonic} ${reg(f, "t")}, ${reg(f, "u")}, ${addressing(base(f), `#${by}`)}`;
}

function access(f: Fields, unscaled: string, addressing: Addressing): string | undefined {
  const spelling = transfer(f, unscaled);
  return spelling && `${spelling}, ${addressing(base(f), `#${signed(f("i"), 9)}`)}`;
}

function unsignedOffset(f: Fields): string | undefined {
  const spelling = transfer(f, "");
  return spelling && `${spelling}, ${offset(base(f), `#${f("i") << f("z")}`)}`;
}

function indexed(f: Fields): string | undefined {
  const spelling = transfer(f, "");
  return spelling && `${spelling}, [${base(f)}, ${index(f, f("z"))}]`;
}

/** "ldrh w3" and the like, with a u after the second letter where the offset is unscaled; nothing for a prefetch. */
function transfer(f: Fields, unscaled: string): string | undefined {
  const [size, operation] = [f("z"), f("o")];
  if (size === 3 && operation > 1) return undefined;
  const verb = (operation === 0 ? "st" : "ld") + unscaled;
  const extends_ = operation > 1 ? "s" : "";
  const suffix = ["b", "h", operation > 1 ? "w" : "", ""][size];
  const isWide = size === 3 || operation === 2;
  return `${verb}r${extends_}${suffix} ${registerName(f("t"), isWide)}`;
}

function base(f: Fields): string {
  return regOrSp(f, "n", true);
}
