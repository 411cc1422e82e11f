/**
 * What registers an instruction uses by how objdump spells it. It is the oracle of tests and no part of the program.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Spelled {
  readonly address: number;
  readonly word: number;
  /** Single spaces, without comments and symbols: "ldr x3, [sp, #8]". */
  readonly text: string;
}

/** The instructions of a file, or of some words; undefined where there is no objdump for aarch64. */
export function disassembled(code: string | Uint8Array): Spelled[] | undefined {
  if (typeof code === "string") return objdump(["-d", code]);
  const folder = mkdtempSync(join(tmpdir(), "timeskew-words-"));
  try {
    const path = join(folder, "words");
    writeFileSync(path, code);
    return objdump(["-D", "-b", "binary", "-m", "aarch64", path]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function objdump(args: readonly string[]): Spelled[] | undefined {
  const all = ["-w", "-z", "-M", "no-aliases", ...args];
  const { stdout, status } = spawnSync("aarch64-linux-gnu-objdump", all, {
    encoding: "utf8",
    maxBuffer: 1 << 30,
  });
  if (status !== 0) return undefined;
  return stdout.split("\n").flatMap((line) => {
    const [, at, digits, spelling] = /^ *([0-9a-f]+):\t([0-9a-f]{8}) *\t(.+)$/.exec(line) ?? [];
    if (at === undefined || digits === undefined || spelling === undefined) return [];
    const text = spelling
      .replace(/ ?(\/\/|;).*$/, "")
      .replace(/<[^>]*>/g, "")
      .replace(/\s+/g, " ");
    return [{ address: Number.parseInt(at, 16), word: Number.parseInt(digits, 16), text: text.trim() }];
  });
}

/** Their last operand but the address is the one that is written. */
const ATOMIC = /^(ld(add|clr|eor|set|smax|smin|umax|umin)|swp)/;
/** Two registers are loaded. */
const PAIR = /^ld(p|np|psw|xp|axp)$/;
/** The first operand is read as well. */
const CHANGED = /^(movk|bfm|cas|ldg|(pac|aut|xpac)[id])/;
/** No operand is written, but for an address that changes. */
const NOTHING_WRITTEN =
  /^(st(?!l?x)|cbn?z|tbn?z|b\.|bc\.|msr|ccm|prfu?m|rprfm|sys$|dc|ic|at|tlbi|wf|setf|rmif|d[ms]b|isb|clrex|nop)/;
/** What its spelling does not tell, or no operand names: hints, and what copies or sets memory. */
const UNTOLD = /^(hint|cpy|set[gpme]|bti|sysl)/;

/** Undefined for what no instruction is, and where operands do not say it all. */
export function spelledUse(text: string): { reads: number; changes: number } | undefined {
  const [name = "", ...rest] = text.split(" ");
  if (name === ".inst" || UNTOLD.test(name)) return undefined;
  const operands = rest.join(" ").match(/\[[^\]]*\]!?|[^,[\]]+/g) ?? [];
  const written = operands.filter((_, index) => isWritten(name, index));
  const both = CHANGED.test(name) || /^casp/.test(name);
  const read = operands.filter((operand) => both || !written.includes(operand) || operand.startsWith("["));
  const addressThatChanges = /\[(\w+)[^\]]*\](?:!|, ?(?:#|x))/.exec(rest.join(" "))?.[1] ?? "";
  // What is written may be an operand besides.
  const again = operands.filter((operand, index) => !isWritten(name, index) && written.includes(operand));
  return {
    reads: registersIn([...read, ...again, addressThatChanges]),
    changes: registersIn([...written.filter((operand) => !operand.startsWith("[")), addressThatChanges]),
  };
}

function isWritten(name: string, index: number): boolean {
  if (NOTHING_WRITTEN.test(name)) return false;
  if (ATOMIC.test(name)) return index === 1;
  return index === 0 || (index === 1 && (PAIR.test(name) || /^casp/.test(name)));
}

function registersIn(operands: readonly string[]): number {
  const numbers = operands.flatMap((operand) =>
    [...operand.matchAll(/\b[wx](\d+)\b/g)].map(([, number]) => Number(number)),
  );
  return numbers.reduce((set, number) => set | (1 << number), 0);
}
