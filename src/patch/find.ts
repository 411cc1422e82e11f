/**
 * Finds what timeskew, or somebody else, has done to a process: from its vDSO, its mappings and its memory, with no
 * knowledge of the run that did it.
 */
import { type Address, address, formatAddress } from "../machine/address.ts";
import { decodeJump, JUMP_LENGTH } from "../machine/x86_64/encode.ts";
import type { Mapping } from "../target/proc.ts";
import { decodeMark, MARK_BYTES, type Mark, type Site } from "./mark.ts";
import { decodeSlot, PARAMS, type Settings, SLOT_BYTES, slotOffset } from "./params.ts";
import { HEADER_SIZE, isPayload, payloadSizes } from "./payload.ts";
import { codeOf, type Vdso } from "./vdso.ts";

/** What was found. `note` says what is odd, and what to do about it. */
export type Found =
  | { readonly state: "unskewed" }
  | { readonly state: "foreign"; readonly note: string }
  | {
      readonly state: "skewed" | "partial" | "unused" | "lingering";
      readonly mark: Mark;
      /** The slot in use, and what it holds. */
      readonly index: number;
      readonly settings: Settings;
      /** The sites that hold our jump now. */
      readonly patchedSites: readonly Site[];
      readonly note: string | undefined;
    };

/** Reads the target's memory; undefined where it cannot be read. */
export type Reader = (address: Address, length: number) => Uint8Array | undefined;

/** How far from the vDSO a payload may be: a rel32. */
const REACH = 1n << 31n;

/**
 * @param pristine the vDSO as this kernel makes it, if that is known
 */
export function findSkew(
  vdso: Vdso,
  maps: readonly Mapping[],
  read: Reader,
  pristine: Uint8Array | undefined,
): Found {
  const page = pageOfJump(vdso, read) ?? pageOfMapping(vdso, maps, read);
  const mark = page === undefined ? undefined : readMark(vdso, page, read);
  if (typeof mark === "string") return { state: "foreign", note: `a payload of timeskew whose mark ${mark}` };
  if (mark !== undefined) return classify(vdso, mark, read);
  const changed = firstChange(vdso, pristine);
  if (changed === undefined) return { state: "unskewed" };
  return {
    state: "foreign",
    note: `${changed} was rewritten by another program; undo it with that program`,
  };
}

/** The page that a function's first jump leads to, if a payload of ours is there. */
function pageOfJump(vdso: Vdso, read: Reader): Address | undefined {
  for (const fn of vdso.functions) {
    const to = decodeJump(codeOf(vdso, fn), fn.address);
    if (to === undefined) continue;
    const page = address(to & ~4095n);
    if (hasPayload(page, read)) return page;
  }
  return undefined;
}

/** A payload that no jump leads to: left by a run that died, or kept for stragglers. */
function pageOfMapping(vdso: Vdso, maps: readonly Mapping[], read: Reader): Address | undefined {
  return maps.find(
    ({ start, perms, inode, path }) =>
      perms === "r-xp" &&
      inode === 0n &&
      !path.startsWith("[v") &&
      start < vdso.end + REACH &&
      start + REACH > vdso.start &&
      hasPayload(start, read),
  )?.start;
}

function hasPayload(page: Address, read: Reader): boolean {
  const header = read(page, HEADER_SIZE);
  return header !== undefined && isPayload(header);
}

function readMark(vdso: Vdso, page: Address, read: Reader): Mark | string {
  const { codeSize } = payloadSizes(read(page, HEADER_SIZE) ?? new Uint8Array(HEADER_SIZE));
  if (codeSize === 0 || codeSize % 4096 !== 0 || codeSize > 1 << 20) return "has no page";
  const bytes = read(address(page + BigInt(codeSize)), MARK_BYTES);
  if (bytes === undefined) return "is missing";
  const mark = decodeMark(bytes, vdso);
  if (typeof mark !== "string" && mark.code.address !== page)
    return `is of a payload at ${formatAddress(mark.code.address)}`;
  return mark;
}

function classify(vdso: Vdso, mark: Mark, read: Reader): Found {
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
  const index = (read(address(mark.params.address + BigInt(PARAMS.index)), 1)?.[0] ?? 0) & 1;
  const slot = read(address(mark.params.address + BigInt(slotOffset(index))), SLOT_BYTES);
  const settings = decodeSlot(slot ?? new Uint8Array(SLOT_BYTES));
  const found = { mark, index, settings, patchedSites };
  if (patchedSites.length === mark.sites.length && settings.mask !== 0n) {
    return { state: "skewed", ...found, note: undefined };
  }
  if (patchedSites.length > 0) {
    const note = "a run of timeskew ended half-way; the target reads the true time. `recover` cleans up";
    return { state: "partial", ...found, note };
  }
  if (mark.state === "restored") {
    const note = "recovered; our pages stay until no thread can return there. `recover` tries again";
    return { state: "lingering", ...found, note };
  }
  return {
    state: "unused",
    ...found,
    note: "a run of timeskew left unused pages behind. `recover` unmaps them",
  };
}

/** The first function whose code is not what the kernel made it. */
function firstChange(vdso: Vdso, pristine: Uint8Array | undefined): string | undefined {
  const changed = vdso.functions.find((fn) => {
    const code = codeOf(vdso, fn);
    // Without a pristine image only a jump at the entry tells: no clock function of any kernel begins with one.
    if (pristine === undefined) return decodeJump(code.subarray(0, JUMP_LENGTH), fn.address) !== undefined;
    return !equal(code, pristine.subarray(fn.offset, fn.offset + fn.size));
  });
  return changed?.name;
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
