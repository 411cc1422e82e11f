/**
 * Finds what timeskew, or somebody else, has done to a process: from its vDSO, its mappings and its memory, with no
 * knowledge of the run that did it.
 */
import { type Address, address } from "../machine/address.ts";
import type { Mapping } from "../target/proc.ts";
import { findCalls } from "./find-calls.ts";
import { type FoundGate, readGate } from "./gate.ts";
import type { CallRecord, Island } from "./island.ts";
import { decodeMark, MARK_BYTES, MARK_MAGIC, type Mark, type Site, WORD } from "./mark.ts";
import { decodeSlot, type FoundSettings, neutral, PARAMS, slotOffset } from "./params.ts";
import { HEADER_SIZE, isPayload, MAX_CODE, type PayloadHeader, parseHeader } from "./payload.ts";
import { equal, isAnonymous, isZero, readAnonymous, type Scene, startsLike } from "./scene.ts";
import { codeOf, pristineTailOf, type Vdso } from "./vdso.ts";

/** What was found. `note` says what is odd, and what to do about it. */
export type Found =
  | { readonly state: "unskewed" }
  | { readonly state: "foreign"; readonly note: string }
  /** A stub of a remote call at the unused end of the vDSO, and nothing else. */
  | { readonly state: "unused"; readonly stub: true; readonly note: string }
  | FoundPages;

/** Pages of ours. */
export interface FoundPages {
  readonly state: "skewed" | "partial" | "unused" | "lingering";
  readonly mark: Mark;
  /** Offset of the probe in that payload, which another build may have put there. */
  readonly probeEntry: number;
  /** And of its entry for system calls. */
  readonly enter: number;
  /** The slot in use, and what it holds. */
  readonly index: number;
  readonly settings: FoundSettings;
  /** The other slot, whose settings govern as long as a profile in use has not begun; and its bytes as they are. */
  readonly idle: { readonly settings: FoundSettings; readonly bytes: Uint8Array };
  /** PARAMS.flags. */
  readonly flags: bigint;
  /** The sites that hold our jump now. */
  readonly patchedSites: readonly Site[];
  /** Of the islands that the mark names, those that are there. */
  readonly islands: readonly Island[];
  /** The call sites that hold our jump now. */
  readonly patchedCalls: readonly CallRecord[];
  /** What the program has before it, where it was skewed at its very beginning. */
  readonly gate: FoundGate | undefined;
  readonly note: string | undefined;
  /** Nothing had been written to the pages yet: that they are ours is known from where they are. */
  readonly blank?: true;
}

/** How many blank pages are thought about: for each, all mappings are gone through. */
const MOST_BLANKS = 8;
const PAGE = 4096;
const UNUSED = "a run of timeskew left unused pages behind. `recover` unmaps them";

export function findSkew(scene: Scene): Found {
  const { vdso } = scene;
  const page = pageOfJump(scene);
  if (page !== undefined) {
    const pages = readPages(scene, page);
    if (typeof pages !== "string") return classify(scene, pages);
    return { state: "foreign", note: `its clock functions lead to a payload of timeskew that ${pages}` };
  }
  const changed = firstChange(vdso, scene.pristine);
  if (changed !== undefined) {
    return {
      state: "foreign",
      note: `${changed} was rewritten by another program; undo it with that program`,
    };
  }
  return findUnreached(scene) ?? findStub(scene) ?? { state: "unskewed" };
}

/** The payload of ours that a function's first jump leads into, if there is one. */
function pageOfJump(scene: Scene): Address | undefined {
  const { vdso } = scene;
  for (const fn of vdso.functions) {
    const to = vdso.machine.decodeJump(codeOf(vdso, fn), fn.address);
    const page = to === undefined ? undefined : payloadAround(scene, to);
    if (page !== undefined) return page;
  }
  return undefined;
}

function payloadAround(scene: Scene, at: Address): Address | undefined {
  const last = at & ~BigInt(PAGE - 1);
  for (let page = last; page > last - BigInt(MAX_CODE); page -= BigInt(PAGE)) {
    const header = readAnonymous(scene, address(page), HEADER_SIZE);
    if (header === undefined) return undefined;
    if (isPayload(header)) return address(page);
  }
  return undefined;
}

/** Pages that no jump leads to: left by a run that died, or kept for stragglers. */
function findUnreached(scene: Scene): Found | undefined {
  const { vdso, maps, read } = scene;
  let blanks = 0;
  for (const [i, code] of maps.entries()) {
    if (!mayBeCode(code, vdso) || scene.known?.has(code.start)) continue;
    const header = read(code.start, HEADER_SIZE);
    if (header === undefined) continue;
    const ours = isPayload(header);
    if (ours) {
      const pages = readPages(scene, code.start);
      if (typeof pages !== "string") return classify(scene, pages);
    }
    // Of a run that died before it had written all. A page without even a header is known by its place; then the
    // parameter pages had not been mapped yet.
    if (ours) return unfinished(vdso, code, paramsBehind(code, scene));
    if (blanks === MOST_BLANKS || !mayBeBlank(code, maps[i + 1], scene)) continue;
    blanks++;
    if (scene.pagesWithout([code]) === code.start)
      return { ...unfinished(vdso, code, undefined), blank: true };
  }
  return undefined;
}

/** A page without even a header, with room for the parameter pages behind it. */
function mayBeBlank({ start, end }: Mapping, next: Mapping | undefined, { read, payload }: Scene): boolean {
  const { codeSize, paramsSize } = payload;
  const hasRoom = next === undefined || next.start >= end + BigInt(paramsSize);
  return end - start === BigInt(codeSize) && hasRoom && isZero(read(start, codeSize));
}

function mayBeCode({ start, end, perms, inode, path }: Mapping, vdso: Vdso): boolean {
  const { reach } = vdso.machine.far ?? vdso.machine;
  const near = start < vdso.end + reach && start + reach > vdso.start;
  return perms === "r-xp" && inode === 0n && path === "" && near && end - start <= MAX_CODE;
}

/** Executable where the target's personality says READ_IMPLIES_EXEC. */
const PARAMS_PERMS = /^rw[-x]p$/;

/** The parameter pages of an unfinished injection: just as large, nothing but zeros and perhaps a mark cut short. */
function paramsBehind(code: Mapping, { maps, read, payload }: Scene): Mapping | undefined {
  const size = payload.paramsSize;
  const params = maps.find(
    ({ start, end, perms, inode, path }) =>
      start === code.end &&
      end - start === BigInt(size) &&
      PARAMS_PERMS.test(perms) &&
      inode === 0n &&
      path === "",
  );
  if (params === undefined) return undefined;
  const bytes = read(params.start, size);
  return startsLike(bytes, MARK_MAGIC) && isZero(bytes?.subarray(MARK_BYTES)) ? params : undefined;
}

function unfinished(vdso: Vdso, code: Mapping, params: Mapping | undefined): FoundPages {
  const size = (mapping: Mapping) => Number(mapping.end - mapping.start);
  return {
    state: "unused",
    mark: {
      state: "restored",
      code: { address: code.start, size: size(code) },
      params: { address: code.end, size: params === undefined ? 0 : size(params) },
      vdso: { address: vdso.start, size: vdso.bytes.length },
      sites: [],
      islands: [],
      added: [],
    },
    probeEntry: 0,
    enter: 0,
    index: 0,
    settings: neutral(0n),
    idle: { settings: neutral(0n), bytes: new Uint8Array(PARAMS.slotSize) },
    flags: 0n,
    patchedSites: [],
    islands: [],
    patchedCalls: [],
    gate: undefined,
    note: UNUSED,
  };
}

/** A run that dies in its last remote call may leave no page, but the code of that call. */
function findStub({ vdso, pristine }: Scene): Found | undefined {
  if (equal(vdso.bytes.subarray(vdso.tail.start), pristineTailOf(vdso, pristine))) return undefined;
  const note = "a run of timeskew left code at the unused end of the vDSO behind. `recover` clears it";
  return { state: "unused", stub: true, note };
}

interface Pages {
  mark: Mark;
  header: PayloadHeader;
}

function readPages(scene: Scene, page: Address): Pages | string {
  const { vdso, maps } = scene;
  const header = parseHeader(
    readAnonymous(scene, page, HEADER_SIZE) ?? new Uint8Array(),
    scene.payload.machine,
  );
  if (typeof header === "string") return header;
  const bytes = readAnonymous(scene, address(page + BigInt(header.codeSize)), MARK_BYTES);
  const mark = bytes === undefined ? "is missing" : decodeMark(bytes, vdso);
  if (typeof mark === "string") return `has a mark that ${mark}`;
  if (
    mark.code.address !== page ||
    mark.code.size !== header.codeSize ||
    mark.params.size !== header.paramsSize ||
    // They are unmapped in the end, with whatever lies there.
    !isAnonymous(maps, page, header.codeSize + header.paramsSize)
  ) {
    return "has a mark of other pages";
  }
  if (!areEntries(mark.sites, vdso)) return "has a mark with a site where no function begins";
  return { mark, header };
}

/** Whether each site is the word in which the function that it names begins, and no other site is. */
function areEntries(sites: readonly Site[], { functions }: Vdso): boolean {
  const words = new Set(sites.map((site) => site.address));
  return (
    words.size === sites.length &&
    sites.every((site) =>
      functions.some(
        (fn) => fn.name === site.function && fn.address - (fn.address % BigInt(WORD)) === site.address,
      ),
    )
  );
}

function classify(scene: Scene, { mark, header }: Pages): Found {
  const { vdso } = scene;
  const patchedSites: Site[] = [];
  for (const site of mark.sites) {
    const offset = Number(site.address - vdso.start);
    const now = vdso.bytes.subarray(offset, offset + site.patched.length);
    if (equal(now, site.patched)) patchedSites.push(site);
    else if (!equal(now, site.original)) {
      return {
        state: "foreign",
        note: `${site.function} was rewritten by another program over a skew of ours`,
      };
    }
  }
  const slots = readSlots(scene, mark);
  const { settings } = slots;
  const { islands, patchedCalls, note } = findCalls(scene, mark);
  const found = {
    mark,
    probeEntry: header.probeEntry,
    enter: header.enter,
    ...slots,
    patchedSites,
    islands,
    patchedCalls,
    gate: readGate(scene, mark, header),
  };
  if (patchedSites.length === mark.sites.length && settings.mask !== 0n) {
    const flaw = settings.flaw && `its profile ${settings.flaw}: another program has written there`;
    return { state: "skewed", ...found, note: [note, flaw].filter(Boolean).join("; ") || undefined };
  }
  if (patchedSites.length > 0 || patchedCalls.length > 0) {
    const note = "a run of timeskew ended half-way; the target reads the true time. `recover` cleans up";
    return { state: "partial", ...found, note };
  }
  if (mark.state === "restored") {
    const note = "recovered; our pages stay until no thread can return there. `recover` tries again";
    return { state: "lingering", ...found, note };
  }
  return { state: "unused", ...found, note: UNUSED };
}

function readSlots(
  scene: Scene,
  { params }: Mark,
): Pick<FoundPages, "index" | "settings" | "idle" | "flags"> {
  const read = (offset: number, length: number) =>
    readAnonymous(scene, address(params.address + BigInt(offset)), length) ?? new Uint8Array(length);
  const index = read(PARAMS.index, 1)[0]! & 1;
  const bytes = read(slotOffset(index ^ 1), PARAMS.slotSize);
  return {
    index,
    settings: decodeSlot(read(slotOffset(index), PARAMS.slotSize)),
    idle: { settings: decodeSlot(bytes), bytes },
    flags: new DataView(read(PARAMS.flags, 8).buffer).getBigUint64(0, true),
  };
}

/** The first function whose code is not what the kernel made it. */
function firstChange(vdso: Vdso, pristine: Uint8Array | undefined): string | undefined {
  const changed = vdso.functions.find((fn) => {
    const code = codeOf(vdso, fn);
    // Without a pristine image only a jump at the entry tells: no clock function of any kernel begins with one.
    if (pristine === undefined) return vdso.machine.decodeJump(code, fn.address) !== undefined;
    return !equal(code, pristine.subarray(fn.offset, fn.offset + fn.size));
  });
  return changed?.name;
}
