/** The search for free addresses, among mappings that no kernel would list. */
import { type Address, address } from "../../../src/machine/address.ts";
import { DEFAULT_LIMITS, freeGap } from "../../../src/target/gap.ts";
import type { Mapping } from "../../../src/target/proc-maps.ts";
import { ACCEPTED, must, recipe } from "../parser.ts";
import type { Random } from "../random.ts";

interface Search {
  readonly near: { start: bigint; end: bigint };
  readonly taken: readonly { start: bigint; end: bigint; path: string }[];
  readonly size: bigint;
  readonly reach: bigint;
}

const PAGE = 4096n;
const { lowest, highest } = DEFAULT_LIMITS;

function place(random: Random, near: bigint): bigint {
  return random.either(
    () => near + BigInt(random.between(-64, 64)) * PAGE,
    () => near + BigInt(random.between(-8, 8)) * 0x1000_0000n,
    () => random.odd64() & ~0xfffn,
  );
}

function mappingOf({ start, end, path }: Search["taken"][number]): Mapping {
  return {
    start: address(start),
    end: address(end),
    perms: "rw-p",
    offset: 0n,
    device: "00:00",
    inode: 0n,
    path,
    deleted: false,
  };
}

export const gap = recipe("gap", () => ({
  make(random): Search {
    const start = random.pick([0x7fff_f7fc_1000n, 0x10_0000n, 0x7fff_ffff_b000n, random.odd64() & ~0xfffn]);
    const near = { start, end: start + BigInt(random.between(1, 4)) * PAGE };
    const taken = random.times(0, 20, () => {
      const from = place(random, start);
      const to = from + BigInt(random.between(1, 40)) * (random.oneIn(4) ? 0x100_0000n : PAGE);
      return {
        start: from < 0n ? 0n : from,
        end: to < 1n ? PAGE : to,
        path: random.pick(["", "", "/bin/x", "[stack]", "[heap]"]),
      };
    });
    if (!random.oneIn(4)) taken.sort((a, b) => (a.start < b.start ? -1 : 1));
    const size = BigInt(random.pick([16_384, 4096, 1, random.below(1 << 20)]));
    return { near, taken, size, reach: random.pick([(1n << 31n) - 16n, 65_536n, random.odd64() >> 8n]) };
  },
  run({ near, taken, size, reach }: Search) {
    const range = { start: near.start as Address, end: near.end as Address };
    const found = freeGap(taken.map(mappingOf), range, size, reach);
    const length = ((size + PAGE - 1n) / PAGE) * PAGE;
    const inWay = [near, ...taken];
    const fits = (at: bigint) =>
      at >= lowest &&
      at + length <= highest &&
      at + length - 1n - near.start <= reach &&
      near.end - 1n - at <= reach &&
      inWay.every(({ start, end }) => at + length <= start || at >= end);
    if (found !== undefined) {
      must(
        found.start % PAGE === 0n && found.end - found.start === length,
        "whole pages, as many as were asked for",
      );
      must(fits(found.start), "free, and in reach of every byte");
      return ACCEPTED;
    }
    // A stack keeps more than itself free; without one, an address that fits would have been found.
    if (length > 0n && !taken.some(({ path }) => path === "[stack]")) {
      const up = (value: bigint) => ((value + PAGE - 1n) / PAGE) * PAGE;
      const candidates = [
        up(lowest),
        up(near.end - 1n - reach),
        ...inWay.flatMap(({ start, end }) => [up(end), start - length]),
      ];
      must(!candidates.some(fits), "nothing fits");
    }
    return "none";
  },
}));
