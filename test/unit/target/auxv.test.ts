/** What the kernel tells a program about itself. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AT_BASE, AT_ENTRY, AT_RANDOM, offsetOfValue, parseAuxv } from "../../../src/target/auxv.ts";

function vector(...words: bigint[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(words).buffer);
}

describe("a vector", () => {
  const bytes = vector(3n, 0x40n, AT_BASE, 0x7f00_0000_0000n, AT_ENTRY, 0x5555_0000_1000n, 0n, 0n);

  it("is read up to its end", () => {
    const auxv = parseAuxv(Uint8Array.from([...bytes, ...vector(AT_RANDOM, 1n)]))!;
    expect([...auxv.values]).toEqual([
      [3n, 0x40n],
      [AT_BASE, 0x7f00_0000_0000n],
      [AT_ENTRY, 0x5555_0000_1000n],
    ]);
    expect(auxv.bytes).toEqual(bytes);
  });

  it("tells where a value stands", () => {
    const auxv = parseAuxv(bytes)!;
    expect(offsetOfValue(auxv, AT_ENTRY)).toBe(40);
    expect(offsetOfValue(auxv, AT_RANDOM)).toBeUndefined();
  });

  it.each([0, 8, 16, bytes.length - 16, bytes.length - 1])("cut after %i bytes is none", (length) => {
    expect(parseAuxv(bytes.subarray(0, length))).toBeUndefined();
  });

  it("is none, or ends with its end, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (any) => {
        const auxv = parseAuxv(any);
        if (auxv !== undefined) expect(auxv.bytes.subarray(-16, -8)).toEqual(new Uint8Array(8));
      }),
    );
  });
});

it("this process's own has a linker, an entry and random bytes", () => {
  const auxv = parseAuxv(readFileSync("/proc/self/auxv"))!;
  for (const key of [AT_ENTRY, AT_RANDOM]) expect(auxv.values.get(key)).toBeGreaterThan(0n);
  expect(auxv.values.has(AT_BASE)).toBe(true);
});
