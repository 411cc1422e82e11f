/** Small damage to something that was right. */
import type { Random } from "./random.ts";

/** Writes a little-endian number of 1, 2, 4 or 8 bytes, as far as there is room. */
export function put(bytes: Uint8Array, at: number, value: bigint, size: number): void {
  for (let i = 0; i < size && at + i < bytes.length; i++)
    bytes[at + i] = Number((value >> BigInt(8 * i)) & 0xffn);
}

/** A copy with one to six changes: bits, bytes, aligned numbers, copied stretches, and now and then another length. */
export function mutateBytes(random: Random, original: Uint8Array, { resize = true } = {}): Uint8Array {
  let bytes = original.slice();
  for (let edits = random.between(1, 6); edits > 0 && bytes.length > 0; edits--) {
    const at = random.below(bytes.length);
    switch (random.below(resize ? 8 : 6)) {
      case 0:
        bytes[at] = bytes[at]! ^ (1 << random.below(8));
        break;
      case 1:
        bytes[at] = random.pick([0, 1, 0x7f, 0x80, 0xff, random.below(256)]);
        break;
      case 2:
      case 3: {
        const size = random.pick([2, 4, 8]);
        put(bytes, at - (at % size), random.odd64(), size);
        break;
      }
      case 4:
        bytes.copyWithin(at, random.below(bytes.length), random.below(bytes.length));
        break;
      case 5:
        bytes.fill(random.pick([0, 0xff, random.below(256)]), at, at + random.between(1, 64));
        break;
      case 6:
        bytes = bytes.slice(0, at);
        break;
      default: {
        const longer = new Uint8Array(bytes.length + random.between(1, 64));
        longer.set(bytes.subarray(0, at));
        longer.set(bytes.subarray(at), at + longer.length - bytes.length);
        bytes = longer;
      }
    }
  }
  return bytes;
}

/** Characters that separate, move a cursor, reorder text, or are no characters. */
const ODD_TEXT: readonly string[] = [
  ...[
    "\n",
    "\r",
    "\t",
    "\0",
    " ",
    "  ",
    ":",
    ":\t",
    "/",
    "(",
    ")",
    ") ",
    " (",
    "-",
    "--",
    ".",
    ",",
    "\\",
    "\\n",
    "\\012",
  ],
  ...[
    "\x1b[2J",
    "\x1b]0;x\x07",
    "\x9b31m",
    "\x7f",
    "\u202e",
    "\u2028",
    "\u2066",
    "\ufeff",
    "\ufffd",
    "\ud800",
    "µ",
    "μ",
    "漢",
    "💥",
  ],
  ...[
    "0",
    "00",
    "-0",
    "-1",
    "1e9",
    "0x10",
    "NaN",
    "Infinity",
    "__proto__",
    "constructor",
    " (deleted)",
    "[vdso]",
  ],
];

/** A number as a kernel or a person would hardly write it. */
export function oddNumber(random: Random): string {
  return random.either(
    () => random.odd64().toString(random.pick([10, 10, 16])),
    () => `-${random.odd64()}`,
    () => "9".repeat(random.between(1, 40)),
    () => `${random.below(1000)}.${"0".repeat(random.below(30))}${random.below(1000)}`,
  );
}

export function oddText(random: Random): string {
  return random.either(
    () => random.pick(ODD_TEXT),
    () => oddNumber(random),
    () =>
      String.fromCodePoint(random.pick([random.below(0x80), random.below(0x500), random.below(0x1_1000)])),
    () => random.pick(ODD_TEXT).repeat(random.between(1, 300)),
  );
}

/** A copy with one to four changes: characters, numbers, stretches and lines. */
export function mutateText(random: Random, original: string): string {
  let text = original;
  for (let edits = random.between(1, 4); edits > 0; edits--) {
    const at = random.below(text.length + 1);
    const to = Math.min(text.length, at + random.pick([0, 1, 1, random.below(40)]));
    switch (random.below(6)) {
      case 0:
        text = text.slice(0, at) + oddText(random) + text.slice(to);
        break;
      case 1:
        text = text.slice(0, at) + text.slice(to);
        break;
      case 2:
        text = text.slice(0, to) + text.slice(at);
        break;
      case 3: {
        const numbers = [...text.slice(0, 4000).matchAll(/[0-9a-f]+/g)];
        if (numbers.length === 0) break;
        const { index, 0: digits } = random.pick(numbers);
        text = text.slice(0, index) + oddNumber(random) + text.slice(index + digits.length);
        break;
      }
      case 4: {
        const lines = text.split("\n");
        lines.splice(random.below(lines.length), random.below(2), random.pick(lines));
        text = lines.join("\n");
        break;
      }
      default:
        text = random.oneIn(8)
          ? text.slice(0, at)
          : text.slice(0, at) + random.pick(ODD_TEXT) + text.slice(at);
    }
  }
  return text;
}
