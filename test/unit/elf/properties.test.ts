/**
 * Whether an image asks for BTI.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { ImageBytes } from "../../../src/elf/bytes.ts";
import { asksForBti } from "../../../src/elf/properties.ts";

/** Words, little-endian. */
function notes(...words: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(words).buffer);
}

function asks(bytes: Uint8Array, start = 0, end = bytes.length): boolean {
  return asksForBti(new ImageBytes(bytes), { start, end });
}

const GNU = 0x0055_4e47;
const PROPERTY = [4, 16, 5, GNU] as const;
const BTI_AND_PAC = [0xc000_0000, 4, 3, 0] as const;
const PAC = [0xc000_0000, 4, 2, 0] as const;
/** The two that every vDSO has: 20 bytes of a build id, and "Linux" with a version. */
const USUAL = [...[4, 20, 3, GNU], ...[1, 2, 3, 4, 5], ...[6, 4, 0, 0x756e_694c, 0x78, 0x6_01c0]];

it.each([
  ["the property alone", [...PROPERTY, ...BTI_AND_PAC], true],
  ["behind the usual notes, aligned to 4 bytes only", [...USUAL, ...PROPERTY, ...BTI_AND_PAC], true],
  ["before them", [...PROPERTY, ...BTI_AND_PAC, ...USUAL], true],
  ["behind another property", [4, 32, 5, GNU, 0xc000_0001, 5, 1, 1, ...BTI_AND_PAC], true],
  ["signed return addresses only", [...PROPERTY, ...PAC], false],
  ["the usual notes", USUAL, false],
  ["another owner's note", [4, 16, 5, 0x0058_4e47, ...BTI_AND_PAC], false],
  ["another type", [4, 16, 4, GNU, ...BTI_AND_PAC], false],
  ["a description that ends before", [4, 8, 5, GNU, ...BTI_AND_PAC], false],
  ["a property that never ends", [4, 16, 5, GNU, 0xc000_0001, 0xffff_fff0, ...BTI_AND_PAC], false],
  ["nothing", [], false],
] as const)("%s", (_, words, expected) => {
  expect(asks(notes(...words))).toBe(expected);
});

it("looks between the ends only", () => {
  const bytes = notes(...USUAL, ...PROPERTY, ...BTI_AND_PAC, 0);
  const at = 4 * USUAL.length;
  expect(asks(bytes, at, at + 32)).toBe(true);
  expect(asks(bytes, 0, at)).toBe(false);
  expect(asks(bytes, at + 4)).toBe(false);
  for (const end of [at + 8, at + 16, at + 20, at + 27]) expect(asks(bytes, at, end)).toBe(false);
});

it("comes to an end, whatever the bytes", () => {
  const words = fc.array(
    fc.oneof(fc.constantFrom(4, 5, GNU, 0xc000_0000), fc.nat(), fc.constant(0xffff_fff8)),
  );
  fc.assert(
    fc.property(words, (any) => {
      expect(typeof asks(notes(...PROPERTY, ...any))).toBe("boolean");
    }),
  );
});
