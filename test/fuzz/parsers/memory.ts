/**
 * What lies in the target's memory and is his to write: the mark, the payload's header, settings, readings, and whole
 * processes made up of them, as one would that wants the tool to trip.
 */
import { PLAIN } from "../../../src/cli/colour.ts";
import { recoverLines } from "../../../src/cli/report/recover.ts";
import { statusLines } from "../../../src/cli/report/status.ts";
import { jsonReport } from "../../../src/cli/report.ts";
import { courseAt, SOURCES } from "../../../src/engine/model.ts";
import { skewIn, skewOf } from "../../../src/engine/skew.ts";
import { TimeskewError } from "../../../src/errors.ts";
import { type Address, address } from "../../../src/machine/address.ts";
import { encodeJump } from "../../../src/machine/x86_64/encode.ts";
import { type Found, findSkew } from "../../../src/patch/find.ts";
import {
  ADDED_OFFSET,
  decodeMark,
  encodeMark,
  MARK_BYTES,
  MAX_ADDED,
  type Mark,
} from "../../../src/patch/mark.ts";
import { decodeSlot, encodeSlot, PARAMS, type Settings } from "../../../src/patch/params.ts";
import { FUNCTIONS, HEADER_SIZE, MAX_CODE, parseHeader, parsePayload } from "../../../src/patch/payload.ts";
import type { PatchPlan } from "../../../src/patch/plan.ts";
import { planProbe } from "../../../src/patch/probe.ts";
import { planClearing, planRecovery } from "../../../src/patch/recover.ts";
import { readVdso, type Vdso } from "../../../src/patch/vdso.ts";
import { freeGap } from "../../../src/target/gap.ts";
import type { Mapping } from "../../../src/target/proc-maps.ts";
import { NO_SHIFT } from "../../../src/target/timens.ts";
import { loadPayload } from "../../../src/tracer/native.ts";
import { IMAGES, sceneOf } from "../../unit/patch/scenes.ts";
import { mutateBytes, oddText, put } from "../mutate.ts";
import { ACCEPTED, attempt, must, mustBeTame, recipe, same } from "../parser.ts";
import type { Random } from "../random.ts";
import { vdsoError } from "./elf.ts";
import { mustStayInside, mustUndoItself } from "./plans.ts";

const VDSO = { start: address(0x7fff_f7fc_1000n), end: address(0x7fff_f7fc_3000n) };
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
function forgedMark(random: Random, vdso: { start: bigint; end: bigint }, page: bigint): Uint8Array {
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

function mustBePlausible(mark: Mark, vdso: { start: bigint; end: bigint }): void {
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

export const header = recipe("header", () => {
  const { bytes } = loadPayload();
  const seed = bytes.slice(0, 256);
  return {
    make(random) {
      const made = mutateBytes(random, seed, { resize: random.oneIn(8) });
      // Behind the magic: few changes outside it would be looked at otherwise.
      if (random.oneIn(2)) made.set(seed.subarray(0, Math.min(36, made.length)));
      if (random.oneIn(2))
        put(
          made,
          4 * random.between(2, 20),
          random.either(
            () => BigInt(random.below(70_000)),
            () => random.odd64(),
          ),
          4,
        );
      return made;
    },
    run(made: Uint8Array) {
      attempt(
        () => parsePayload(made, "x86_64"),
        (error) => (error instanceof TimeskewError && error.code === "E_INTERNAL" ? error.code : undefined),
        (payload) => must(payload.bytes.length <= payload.codeSize, "the code fits its pages"),
      );
      const found = parseHeader(made, "x86_64");
      if (typeof found === "string") return found.replace(/\d+/g, "N");
      const { codeSize, probeEntry, entries, trampolines, trampolineSize } = found;
      must(
        codeSize > 0 && codeSize % 4096 === 0 && codeSize <= MAX_CODE,
        "the code has whole pages, not many",
      );
      for (const at of [probeEntry, ...Object.values(entries)])
        must(at < codeSize, "entries are in the code");
      for (const at of Object.values(trampolines))
        must(at + trampolineSize <= codeSize, "trampolines are in the code");
      return ACCEPTED;
    },
  };
});

/** A slot as it may stand in a target: a profile with a few words of the forger's choice, or nothing but those. */
function forgedSlot(random: Random): Uint8Array {
  const bytes = random.oneIn(4) ? random.bytes(PARAMS.slotSize) : new Uint8Array(PARAMS.slotSize);
  if (random.oneIn(2)) bytes.set(encodeSlot(someProfile(random)));
  const words = random.oneIn(2) ? HEAD_WORDS : PARAMS.slotSize / 8;
  for (const at of random.times(0, 12, () => 8 * random.below(words))) put(bytes, at, random.odd64(), 8);
  if (random.oneIn(2)) put(bytes, 48, random.pick([0n, 1n, 1n, 2n]), 4);
  return bytes;
}

/** Words before the key frames. */
const HEAD_WORDS = 64;

function someProfile(random: Random): Settings {
  const ns = () => random.odd64() >> 2n;
  const frames = (count: number) => {
    const times = random.times(count, count, ns).toSorted((a, b) => (a < b ? -1 : 1));
    return times.map((at, i) => ({ at: i === 0 ? 0n : at, offset: ns() - ns() }));
  };
  const track = () => ({
    clocks: random.odd64(),
    period: random.oneIn(2) ? 0n : ns(),
    frames: frames(random.between(1, 40)),
    tail: { num: ns() - ns(), den: ns() + 1n },
  });
  const noise = { amplitude: ns() + 1n, every: ns() + 1n, seed: random.odd64(), glides: random.oneIn(2) };
  const duration = ns();
  const start = ns() - ns();
  const profile = {
    start: { realtime: start, monotonic: start, raw: start, boottime: start, tai: start },
    duration,
    every: random.oneIn(2) ? 0n : duration + ns(),
    tracks: random.times(0, 3, track),
    noise: random.oneIn(2) ? undefined : noise,
    swing: ns(),
    ceiling: ns(),
    text: oddText(random),
  };
  return { generation: 1n, mask: random.odd64(), offset: ns() - ns(), skewId: 1n, since: 1n, profile };
}

export const slot = recipe("slot", () => ({
  make: (random) => ({ bytes: forgedSlot(random), other: forgedSlot(random), time: random.odd64() >> 1n }),
  run({ bytes, other, time }: { bytes: Uint8Array; other: Uint8Array; time: bigint }) {
    const settings = decodeSlot(bytes);
    const seconds = settings.offset / 1_000_000_000n;
    const { flaw, profile, ...rest } = settings;
    // A text that was none is longer in UTF-8 by now.
    const whole = { ...rest, ...(profile && { profile: { ...profile, text: "" } }) };
    if (seconds > -(2n ** 62n) && seconds < 2n ** 62n)
      must(same(decodeSlot(encodeSlot(whole)), whole), "what is written is read back");
    const inForce = { settings, before: decodeSlot(other) };
    for (const source of SOURCES) {
      const { until } = courseAt(inForce, source, time);
      must(until === undefined || until > time, "a line goes on, or ends later");
    }
    const now = { realtime: time, monotonic: time, raw: time, boottime: time, tai: time };
    const skew = skewOf(inForce, now);
    must(skew?.profile === undefined || Number.isFinite(skew.profile.rate), "a rate is a number");
    return flaw?.replace(/\d+/g, "N") ?? ACCEPTED;
  },
}));

/* ---- whole targets ---- */

interface Region {
  readonly start: bigint;
  readonly bytes: Uint8Array;
  readonly perms: string;
  readonly path: string;
  readonly inode: bigint;
  /** It is mapped, but cannot be read. */
  readonly barred?: boolean;
}

interface Forgery {
  /** Which image it is the vDSO of. */
  readonly image: number;
  readonly vdso: Uint8Array;
  readonly start: bigint;
  readonly regions: readonly Region[];
  readonly knowsPristine: boolean;
  readonly command: string;
}

const MOST_BYTES = 1 << 20;

/** Real states to start from: an injection cut off after each of its steps. */
function statesOf(image: Uint8Array): Pick<Forgery, "vdso" | "start" | "regions">[] {
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

function anonymous(start: bigint, bytes: Uint8Array, perms = "r-xp"): Region {
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
function tamper(random: Random, forgery: Forgery): Forgery {
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
function wordAt({ regions }: Forgery, at: Address): { start: bigint; end: bigint } {
  const region = regions.find(({ start, bytes }) => start <= at && at < start + BigInt(bytes.length));
  must(region?.inode === 0n && /^rw.p/.test(region.perms), "a gate's word is in memory that can be written");
  return { start: at, end: at + 8n };
}

/** In order and without overlap, as a kernel lists mappings whatever a process does. */
function asListed({ start, vdso, regions }: Forgery): Region[] {
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

function mappingOf({ start, bytes, perms, path, inode }: Region): Mapping {
  const end = address(start + BigInt(bytes.length));
  return { start: address(start), end, perms, offset: 0n, device: "00:00", inode, path, deleted: false };
}

/** How often the memory may be asked: a few times for each mapping, and for the page that the jumps lead to. */
class Memory {
  readonly #forgery: Forgery;
  #reads = 0;
  #bytes = 0;

  constructor(forgery: Forgery) {
    this.#forgery = forgery;
  }

  read(at: Address, length: number): Uint8Array | undefined {
    const { regions, vdso, start } = this.#forgery;
    must(Number.isInteger(length) && length >= 0 && length <= MAX_CODE, () => `no read of ${length} bytes`);
    must(at >= 0n && at < 1n << 64n, "an address has 64 bits");
    this.#bytes += length;
    must(
      ++this.#reads <= 64 + 4 * regions.length && this.#bytes <= MOST_BYTES + 2 * MAX_CODE * regions.length,
      "few reads",
    );
    const all = [...regions, { start, bytes: vdso, path: "[vdso]", inode: 0n, perms: "r-xp", barred: false }];
    const region = all.find(
      (each) => at >= each.start && at + BigInt(length) <= each.start + BigInt(each.bytes.length),
    );
    // A file's pages come from wherever its file system says, perhaps never. Whole ones are read only if they are there.
    const isPage = length === 4096 && at % 4096n === 0n;
    must(region === undefined || region.inode === 0n || isPage, "nothing but anonymous memory is read");
    if (region === undefined || region.barred) return undefined;
    const offset = Number(at - region.start);
    return region.bytes.slice(offset, offset + length);
  }
}

const REACH = (1n << 31n) - 16n;

function lookAt(forgery: Forgery): { vdso: Vdso; found: Found } {
  const { regions, image, knowsPristine } = forgery;
  const vdso = readVdso(address(forgery.start), forgery.vdso);
  const memory = new Memory(forgery);
  const maps = [...regions, { ...anonymous(vdso.start, forgery.vdso), path: "[vdso]" }]
    .sort((a, b) => (a.start < b.start ? -1 : 1))
    .map(mappingOf);
  const payload = loadPayload();
  let searches = 0;
  const found = findSkew({
    vdso,
    maps,
    read: memory.read.bind(memory),
    pristine: knowsPristine ? IMAGES[image]!.bytes : undefined,
    pagesWithout: (ignored) => {
      must(++searches <= 8, "few searches for free addresses, however many mappings there are");
      const others = maps.filter((each) => !ignored.includes(each));
      return freeGap(others, vdso, BigInt(payload.codeSize + payload.paramsSize), REACH)?.start;
    },
    payload,
  });
  return { vdso, found };
}

function plansFor(vdso: Vdso, found: Found, pristineTail: Uint8Array): PatchPlan[] {
  if (!("mark" in found)) return "stub" in found ? [planClearing({ pid: 1, vdso, pristineTail })] : [];
  const input = { pid: 1, vdso, pristineTail };
  const recovery = planRecovery({ ...input, found, read: (_, length) => new Uint8Array(length) });
  if (found.mark.sites.length === 0) return [recovery];
  return [recovery, planProbe({ ...input, payload: loadPayload(), pages: found, wanted: 0x8f3n })];
}

function mustBeTold(found: Found, command: string): void {
  const skew = skewIn(found, NO_SHIFT);
  const waitSites = "mark" in found ? found.patchedCalls.length : undefined;
  const note = "note" in found ? found.note : undefined;
  const row = { pid: 1, command, state: found.state, skew, waitSites, note };
  for (const line of statusLines([row], 0n, PLAIN)) mustBeTame(line);
  const json = jsonReport("status", { targets: [row] });
  mustBeTame(json);
  must(
    (JSON.parse(json) as { targets: { command: string }[] }).targets[0]!.command === command,
    "the name, as it is",
  );
  const done = {
    pid: 1,
    command,
    skew,
    state: "unskewed",
    action: "recovered",
    pauseNs: 1n,
    threads: 1,
    asleepThreads: 0,
    lingeringThreads: 0,
    waitingThreads: 0,
  } as const;
  for (const line of recoverLines(done, PLAIN)) mustBeTame(line);
}

export const find = recipe("find", () => {
  const seeds = IMAGES.flatMap(({ bytes }, image) => statesOf(bytes).map((state) => ({ ...state, image })));
  return {
    make(random): Forgery {
      const name = random
        .times(0, 3, () => oddText(random))
        .join("")
        .slice(0, 15);
      const command = Buffer.from(name).toString();
      let forgery: Forgery = { ...random.pick(seeds), knowsPristine: random.oneIn(2), command };
      for (let steps = random.between(0, 4); steps > 0; steps--) forgery = tamper(random, forgery);
      return { ...forgery, regions: asListed(forgery) };
    },
    run: (forgery: Forgery) => {
      let state = "";
      const outcome = attempt(
        () => lookAt(forgery),
        vdsoError,
        ({ vdso, found }) => {
          state = found.state;
          mustBeTold(found, forgery.command);
          const pristineTail = IMAGES[forgery.image]!.bytes.slice(vdso.tail.start, vdso.tail.end);
          const ours: { start: bigint; end: bigint }[] = [];
          if ("mark" in found) {
            mustBePlausible(found.mark, vdso);
            const { code, params } = found.mark;
            const pages = { start: code.address, end: params.address + BigInt(params.size) };
            must(pages.end <= vdso.start || pages.start >= vdso.end, "our pages are not the vDSO's");
            ours.push(pages);
            for (const { address: at, size } of found.islands)
              ours.push({ start: at, end: at + BigInt(size) });
            if (found.gate?.leads) ours.push(wordAt(forgery, found.gate.word));
            for (const { perms, inode, start, bytes } of forgery.regions)
              if (perms[3] === "p" && inode !== 0n) ours.push({ start, end: start + BigInt(bytes.length) });
          }
          attempt(
            () => plansFor(vdso, found, pristineTail),
            vdsoError,
            (plans) => {
              for (const plan of plans) {
                mustStayInside(plan, [vdso, ...ours]);
                mustUndoItself(plan);
              }
            },
          );
        },
      );
      return outcome === ACCEPTED ? state : outcome;
    },
  };
});
