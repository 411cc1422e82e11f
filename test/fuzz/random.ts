/** Random numbers that a seed and an index decide: every input can be made again without those before it. */

const MASK_64 = (1n << 64n) - 1n;

/** Where arithmetic goes wrong: powers of two and their neighbours, pages, the ends of the address space. */
const ODD_64: readonly bigint[] = [
  ...[0n, 1n, 2n, 7n, 8n, 63n, 64n, 4095n, 4096n, 4097n, 65_535n, 65_536n, 999_999_999n, 1_000_000_000n],
  ...[31n, 32n, 47n, 53n, 56n, 63n].flatMap((bits) => [(1n << bits) - 1n, 1n << bits, (1n << bits) + 1n]),
  ...[0x7fff_ffff_f000n, 0xffff_ffff_ff60_0000n, 0xffff_8000_0000_0000n],
  ...[MASK_64, MASK_64 - 1n, MASK_64 - 4095n, MASK_64 - 7n],
];

export class Random {
  #state: number;

  constructor(seed: number, index: number) {
    this.#state = (Math.imul(seed ^ 0x9e37_79b9, 0x85eb_ca6b) + Math.imul(index + 1, 0xc2b2_ae35)) | 0;
    // Neighbouring seeds begin alike.
    for (let i = 0; i < 3; i++) this.u32();
  }

  /** mulberry32. */
  u32(): number {
    this.#state = (this.#state + 0x6d2b_79f5) | 0;
    let value = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return (value ^ (value >>> 14)) >>> 0;
  }

  /** 0 … `limit` − 1. */
  below(limit: number): number {
    return this.u32() % limit;
  }

  between(from: number, to: number): number {
    return from + this.below(to - from + 1);
  }

  /** True once in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** One of several ways to go on. */
  either<T>(...ways: readonly (() => T)[]): T {
    return this.pick(ways)();
  }

  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }

  /** 64 bits that are as often odd as they are anything. */
  odd64(): bigint {
    return this.either(
      () => this.pick(ODD_64),
      () => this.u64() >> BigInt(this.below(64)),
      () => BigInt(this.below(256)),
      () => (this.pick(ODD_64) * BigInt(this.below(9)) + BigInt(this.between(0, 8))) & MASK_64,
    );
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.u32() & 0xff);
  }

  times<T>(from: number, to: number, make: (index: number) => T): T[] {
    return Array.from({ length: this.between(from, to) }, (_, index) => make(index));
  }
}
