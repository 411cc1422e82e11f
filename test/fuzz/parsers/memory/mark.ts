/**
 * What lies in the target's memory and is his to write, made up by one who wants the tool to trip: the mark. The other
 * files here have the payload's header, settings, and whole processes.
 */
import { address } from "../../../../src/machine/address.ts";
import {
  ADDED_OFFSET,
  decodeMark,
  encodeMark,
  MARK_BYTES,
  MAX_ADDED,
  type Mark,
} from "../../../../src/patch/mark.ts";
import { PARAMS } from "../../../../src/patch/params.ts";
import { FUNCTIONS, MAX_CODE } from "../../../../src/patch/payload.ts";
import { mutateBytes, put } from "../../mutate.ts";
import { ACCEPTED, must, mustBeTame, recipe, same } from "../../parser.ts";
import type { Random } from "../../random.ts";

export const VDSO = { start: address(0x7fff_f7fc_1000n), end: address(0x7fff_f7fc_3000n) };
const PAGES = VDSO.end + 0x1000n;
const CHECKSUM = 68;
const STATE = 12;

/** Makes the checksum right again: a forger can. */
function sign(bytes: Uint8Array): void {
  if (bytes.length < MARK_BYTES) return;
  const plain = bytes.slice(0, ADDED_OFFSET);
  plain.fill(0, STATE, STATE + 4);
  plain.fill(0, CHECKSUM, CHECKSUM + 4);
  const sum = plain.reduce((hash, byte) => Math.imul(hash ^ byte, 0x0100_0193) >>> 0, 0x811c_9dc5);
  put(bytes, CHECKSUM, BigInt(sum), 4);
}

/** A mark as a forger would write it: sizes, addresses and sites of his choice. */
export function forgedMark(random: Random, vdso: { start: bigint; end: bigint }, page: bigint): Uint8Array {
  const size = random.pick([4096, 4096, 4096, 8192, MAX_CODE, 0, random.u32()]);
  const code = { address: address(random.oneIn(8) ? random.odd64() : page), size };
  const params = random.oneIn(8) ? random.odd64() : code.address + BigInt(size);
  const site = () => {
    const offset = random.either(
      () => random.below(Number(vdso.end - vdso.start)) & ~7,
      () => 0x800 + 0x100 * random.below(3),
    );
    return {
      function: random.pick(FUNCTIONS),
      address: address(random.oneIn(16) ? random.odd64() : vdso.start + BigInt(offset)),
      original: random.bytes(8),
      patched: random.bytes(8),
    };
  };
  const mark: Mark = {
    state: random.pick(["armed", "restored"]),
    code,
    params: { address: address(params), size: random.oneIn(8) ? random.u32() : PARAMS.size },
    vdso: { address: address(vdso.start), size: Number(vdso.end - vdso.start) },
    sites: random.times(0, 8, site),
    islands: random.times(0, 8, () => ({
      address: address(random.oneIn(8) ? random.odd64() : (params + 0x10_0000n) & ~4095n),
      size: 4096 * random.below(66),
    })),
    added: random.times(0, MAX_ADDED, () =>
      random.oneIn(3)
        ? undefined
        : {
            address: address(random.oneIn(8) ? random.odd64() & ~4095n : (params + 0x20_0000n) & ~4095n),
            size: 4096 * random.below(66),
          },
    ),
  };
  const bytes = encodeMark(mark);
  if (random.oneIn(4)) put(bytes, 8 * random.below(MARK_BYTES / 8), random.odd64(), 8);
  if (random.oneIn(8)) put(bytes, 64, BigInt(random.below(12)), 4);
  if (!random.oneIn(8)) sign(bytes);
  return bytes;
}

export function mustBePlausible(mark: Mark, vdso: { start: bigint; end: bigint }): void {
  must(mark.vdso.address === vdso.start, "it is of this vDSO");
  must(mark.sites.length <= 8, "few sites");
  for (const site of mark.sites) {
    must(site.address % 8n === 0n, "a site is an aligned word");
    must(site.address >= vdso.start && site.address + 8n <= vdso.end, "a site is in the vDSO");
    must(site.original.length === 8 && site.patched.length === 8, "a word has 8 bytes");
    must(FUNCTIONS.includes(site.function), "a function that we know");
  }
  must(mark.params.address === mark.code.address + BigInt(mark.code.size), "its pages follow each other");
}

export const mark = recipe("mark", () => ({
  make(random) {
    const bytes = forgedMark(random, VDSO, PAGES);
    if (random.oneIn(3)) return mutateBytes(random, bytes);
    return random.oneIn(32) ? random.bytes(random.below(2 * MARK_BYTES)) : bytes;
  },
  run(bytes: Uint8Array) {
    const found = decodeMark(bytes, VDSO);
    if (typeof found === "string") {
      mustBeTame(found);
      return found.replace(/\d+/g, "N");
    }
    mustBePlausible(found, VDSO);
    must(same(decodeMark(encodeMark(found), VDSO), found), "what is written is read back");
    return ACCEPTED;
  },
}));
