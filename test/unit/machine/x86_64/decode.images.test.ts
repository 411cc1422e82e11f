/**
 * The decoder against iced-x86 on real code: every function of this machine's vDSO and of its C library.
 */
import { describe, expect, it } from "vitest";
import { decodeAll } from "../../../../src/machine/x86_64/decode.ts";
import { functionsOf, type ImageFunction, ownLibc, ownVdso } from "./images.ts";
import { ask } from "./oracle.ts";

const IS_X86_64 = process.arch === "x64";
const vdso = IS_X86_64 ? ownVdso() : undefined;
const libc = IS_X86_64 ? ownLibc() : undefined;
if (vdso === undefined) console.log("own vDSO skipped: not an x86-64 process, or no vDSO is mapped");
if (libc === undefined) console.log("libc skipped: not an x86-64 process, or it runs without libc.so.6");

describe("agreement with iced-x86", () => {
  it.skipIf(vdso === undefined)("on the own vDSO", () => {
    const functions = functionsOf(vdso!);
    expect(functions.map(({ name }) => name)).toEqual(
      expect.arrayContaining([expect.stringContaining("gettime")]),
    );
    expect(functions.flatMap(disagreements)).toEqual([]);
  });

  it.skipIf(libc === undefined)("on the C library", () => {
    const functions = functionsOf(libc!);
    expect(functions.length).toBeGreaterThan(1000);
    expect(functions.flatMap(disagreements)).toEqual([]);
  });
});

/** Where we and iced differ about length, RIP-relative operand or branch target. */
function disagreements({ name, code }: ImageFunction): string[] {
  const found: string[] = [];
  let end = 0;
  for (const { offset, length, ripDisp, branch } of decodeAll(code)) {
    const verdict = ask(code, offset);
    const target = branch === undefined ? undefined : BigInt.asUintN(64, BigInt(branch.target));
    const isSame =
      verdict.isValid &&
      verdict.length === length &&
      verdict.isRipRelative === (ripDisp !== undefined) &&
      verdict.branchTarget === target;
    if (!isSame) found.push(`${name}+0x${offset.toString(16)}: ${verdict.code}`);
    end = offset + length;
  }
  return end === code.length ? found : [...found, `${name}: ends at ${end}, not ${code.length}`];
}
