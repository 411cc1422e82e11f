/** Whole processes that are made up: real states, of an injection cut off after any step, and then tampered with. */
import { type Address, address } from "../../../../src/machine/address.ts";
import { encodeJump } from "../../../../src/machine/x86_64/encode.ts";
import { PARAMS } from "../../../../src/patch/params.ts";
import { HEADER_SIZE, MAX_CODE } from "../../../../src/patch/payload.ts";
import { readVdso } from "../../../../src/patch/vdso.ts";
import type { Mapping } from "../../../../src/target/proc-maps.ts";
import { loadPayload } from "../../../../src/tracer/native.ts";
import { IMAGES, sceneOf } from "../../../unit/patch/scenes.ts";
import { mutateBytes, put } from "../../mutate.ts";
import { must } from "../../parser.ts";
import type { Random } from "../../random.ts";
import { forgedMark, VDSO } from "./mark.ts";
import { forgedSlot } from "./slot.ts";

export interface Region {
  readonly start: bigint;
  readonly bytes: Uint8Array;
  readonly perms: string;
  readonly path: string;
  readonly inode: bigint;
  /** It is mapped, but cannot be read. */
  readonly barred?: boolean;
}

export interface Forgery {
  /** Which image it is the vDSO of. */
  readonly image: number;
  readonly vdso: Uint8Array;
  readonly start: bigint;
  readonly regions: readonly Region[];
  readonly knowsPristine: boolean;
  readonly command: string;
}

/** Real states to start from: an injection cut off after each of its steps. */
export function statesOf(image: Uint8Array): Pick<Forgery, "vdso" | "start" | "regions">[] {
  const scene = sceneOf(image);
  const { plan, target, vdso } = scene;
  return [...plan.steps.keys(), plan.steps.length].map((dieAfter) => {
    const cut = target.fork();
    cut.run(plan, { dieAfter });
    const regions = cut
      .maps()
      .filter(({ start, end, path }) => start !== end && path !== "[vdso]")
      .map(({ start, end, perms, path, inode }) => {
        const bytes = cut.read(start, Number(end - start))!;
        return { start: start as bigint, bytes, perms, path, inode };
      });
    return { vdso: cut.read(vdso.start, vdso.bytes.length)!, start: vdso.start, regions };
  });
}

export function anonymous(start: bigint, bytes: Uint8Array, perms = "r-xp"): Region {
  return { start, bytes, perms, path: "", inode: 0n };
}

/** Our two mappings, with a forged mark, header, index and settings. */
function forgedPages(random: Random, vdso: { start: bigint; end: bigint }, page: bigint): Region[] {
  const size = random.pick([4096, 4096, 8192, MAX_CODE]);
  const code = new Uint8Array(size);
  code.set(loadPayload().bytes.subarray(0, HEADER_SIZE));
  put(code, 12, BigInt(size), 4);
  if (random.oneIn(4)) put(code, 4 * random.between(0, 20), random.odd64(), 4);
  const params = new Uint8Array(PARAMS.size);
  params.set(forgedMark(random, vdso, page));
  params[PARAMS.index] = random.pick([0, 1, 2, 255]);
  for (const at of [PARAMS.slots, PARAMS.slots + PARAMS.slotSize]) {
    params.set(forgedSlot(random), at);
    if (random.oneIn(2)) put(params, at + 8, random.pick([1n, 3n << 62n, 0x921n, 1n << 40n]), 8);
  }
  const ours = [anonymous(page, code), anonymous(page + BigInt(size), params, "rw-p")];
  if (random.oneIn(2)) return ours;
  const stack = { ...anonymous(STACK + (page & 0xff_f000n), new Uint8Array(4096), "rw-p"), path: "[stack]" };
  const word = 8 * random.below(512);
  put(params, PARAMS.gate, random.odd64(), 8);
  put(params, PARAMS.gate + 8, random.oneIn(4) ? random.odd64() : stack.start + BigInt(word), 8);
  put(params, PARAMS.gate + 16, random.odd64(), 8);
  if (!random.oneIn(3)) put(stack.bytes, word, page + BigInt(loadPayload().gate), 8);
  return [...ours, stack];
}

/** Below every image that is looked at. */
const STACK = 0x1000_0000_0000n;

/** One thing that a forger would try. */
export function tamper(random: Random, forgery: Forgery): Forgery {
  const { start, vdso, regions } = forgery;
  const range = { start, end: start + BigInt(vdso.length) };
  const nearby = () => (start + BigInt(random.between(-40, 40)) * 4096n) & ~0xfffn;
  const change = (alter: (region: Region) => Partial<Region>): Forgery => {
    if (regions.length === 0) return forgery;
    const at = random.below(regions.length);
    return {
      ...forgery,
      regions: regions.map((region, i) => (i === at ? { ...region, ...alter(region) } : region)),
    };
  };
  const jumpTo = (to: bigint): Forgery => {
    const bytes = vdso.slice();
    const functions = functionsOf(forgery.image);
    for (const fn of functions.filter(() => random.oneIn(2))) {
      const at = address(start + BigInt(fn.offset));
      const distance = to - at;
      if (distance < 1n << 30n && distance > -(1n << 30n)) bytes.set(encodeJump(at, address(to)), fn.offset);
    }
    return { ...forgery, vdso: bytes };
  };
  switch (random.below(12)) {
    case 0:
    case 1: {
      const page = nearby();
      return {
        ...jumpTo(page + BigInt(random.below(4096))),
        regions: [...regions, ...forgedPages(random, range, page)],
      };
    }
    case 2:
      return { ...forgery, regions: [...forgedPages(random, range, nearby()), ...regions] };
    case 3:
      return jumpTo(nearby());
    case 4:
      return { ...forgery, vdso: mutateBytes(random, vdso, { resize: false }) };
    case 5:
      return change(({ bytes }) => ({ bytes: mutateBytes(random, bytes, { resize: false }) }));
    case 6:
      return change(() => ({ perms: random.pick(["r-xp", "rw-p", "r-xs", "---p"]) }));
    case 7:
      return change(() => random.pick([{ barred: true }, { inode: 7n, path: "/tmp/x" }, { path: "[vdso]" }]));
    case 8:
      return change((region) => ({ start: random.oneIn(2) ? nearby() : region.start + 4096n }));
    case 9:
      return { ...forgery, regions: regions.filter(() => !random.oneIn(3)) };
    case 10: {
      const size = loadPayload().codeSize;
      const blank = random.times(1, 20, (i) =>
        anonymous(nearby() + BigInt(i) * 0x3_0000n, new Uint8Array(size)),
      );
      return { ...forgery, regions: [...regions, ...blank] };
    }
    default:
      // A payload in the vDSO's own pages, with jumps that lead there.
      return forgedInside(random, jumpTo(range.end - 4096n));
  }
}

function forgedInside(random: Random, forgery: Forgery): Forgery {
  const vdso = forgery.vdso.slice();
  const page = vdso.length - 4096;
  vdso.set(loadPayload().bytes.subarray(0, HEADER_SIZE), page);
  const start = forgery.start + BigInt(vdso.length);
  const params = new Uint8Array(PARAMS.size);
  params.set(forgedMark(random, { start: forgery.start, end: start }, start - 4096n));
  return { ...forgery, vdso, regions: [...forgery.regions, anonymous(start, params, "rw-p")] };
}

/** A word of a stack, or of what may be one. */
export function wordAt({ regions }: Forgery, at: Address): { start: bigint; end: bigint } {
  const region = regions.find(({ start, bytes }) => start <= at && at < start + BigInt(bytes.length));
  must(region?.inode === 0n && /^rw.p/.test(region.perms), "a gate's word is in memory that can be written");
  return { start: at, end: at + 8n };
}

/** In order and without overlap, as a kernel lists mappings whatever a process does. */
export function asListed({ start, vdso, regions }: Forgery): Region[] {
  const endOf = (region: { start: bigint; bytes: Uint8Array }) => region.start + BigInt(region.bytes.length);
  const listed: Region[] = [];
  for (const region of regions.toSorted((a, b) => (a.start < b.start ? -1 : 1))) {
    const last = listed.at(-1);
    const apart = endOf(region) <= start || region.start >= start + BigInt(vdso.length);
    if (apart && (last === undefined || endOf(last) <= region.start)) listed.push(region);
  }
  return listed;
}

function functionsOf(image: number) {
  return readVdso(VDSO.start, IMAGES[image]!.bytes).functions;
}

export function mappingOf({ start, bytes, perms, path, inode }: Region): Mapping {
  const end = address(start + BigInt(bytes.length));
  return { start: address(start), end, perms, offset: 0n, device: "00:00", inode, path, deleted: false };
}
