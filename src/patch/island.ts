/**
 * An island: pages of ours near an image whose system calls are translated, since a jump reaches only 2 GiB. It holds a
 * header, a record of each call site that was rewritten, and the sites' thunks. The mark names the islands; status and
 * recover need nothing else.
 *
 * It lies in the target's memory, so whoever controls the target controls it: `decodeIsland` believes nothing that its
 * place and its size do not bear out.
 */
import { type Address, address } from "../machine/address.ts";
import { fitsInt32, JUMP_LENGTH } from "../machine/x86_64/encode.ts";
import { encodeThunk, thunkLength } from "./thunk.ts";

/** "TIMEISLE" */
export const ISLAND_MAGIC = 0x454c5349454d4954n;
const VERSION = 1;
/** magic, version and count, address, size, parameter pages, entry of the payload */
export const ISLAND_HEAD_BYTES = 48;
const ENTER_OFFSET = 40;
/** site, its original bytes, offset of its thunk */
const RECORD_BYTES = 24;
const PAGE = 4096;
const THUNK_ALIGNMENT = 8;
/** No island has more sites; the largest program known has some hundred. */
export const MAX_CALLS = 1024;
/** In a target, in all islands. */
export const MOST_CALLS = 2 * MAX_CALLS;
export const MAX_ISLAND = 64 * PAGE;

/** A place in the target where a system call is made. */
export interface CallSiteInTarget {
  /** Of the instruction of five bytes that a jump replaces. */
  readonly address: Address;
  /** The instructions from there up to the system call; the first is the one that is replaced. */
  readonly moved: Uint8Array;
  /** As `ThunkInput.free`. */
  readonly free: number;
  /** "futex in sem_timedwait of libc.so.6": for people to read. */
  readonly what: string;
}

/** A call site as the island records it. */
export interface CallRecord {
  readonly address: Address;
  /** The five bytes that the program has there. */
  readonly original: Uint8Array;
  readonly thunk: Address;
}

export interface Island {
  readonly address: Address;
  readonly size: number;
  readonly records: readonly CallRecord[];
}

/** Whether the five bytes of a site lie in one page: two would not be written at once. */
export function isInOnePage(site: Address): boolean {
  return Number(site % BigInt(PAGE)) + JUMP_LENGTH <= PAGE;
}

/** How many bytes, in whole pages, these sites take. */
export function islandSize(sites: readonly Pick<CallSiteInTarget, "moved">[]): number {
  const thunks = sites.reduce((sum, { moved }) => sum + aligned(thunkLength(moved.length)), 0);
  return roundUp(ISLAND_HEAD_BYTES + sites.length * RECORD_BYTES + thunks, PAGE);
}

/**
 * @param at where the island will be: within a jump's reach of every site
 * @param params where the parameter pages are
 * @param enter the payload's entry for system calls
 * @throws RelocationError, JumpOutOfReach
 */
export function encodeIsland(
  at: Address,
  sites: readonly CallSiteInTarget[],
  params: Address,
  enter: Address,
): Island & { bytes: Uint8Array } {
  const size = islandSize(sites);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, ISLAND_MAGIC, true);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, sites.length, true);
  [at, BigInt(size), params, enter].forEach((value, i) => {
    view.setBigUint64(16 + 8 * i, value, true);
  });
  let free = aligned(ISLAND_HEAD_BYTES + sites.length * RECORD_BYTES);
  const records = sites.map((site, i): CallRecord => {
    const record = {
      address: site.address,
      original: site.moved.slice(0, JUMP_LENGTH),
      thunk: address(at + BigInt(free)),
    };
    const thunk = encodeThunk({
      moved: site.moved,
      site: site.address,
      free: site.free,
      at: record.thunk,
      enter: address(at + BigInt(ENTER_OFFSET)),
    });
    const place = ISLAND_HEAD_BYTES + i * RECORD_BYTES;
    view.setBigUint64(place, site.address, true);
    bytes.set(record.original, place + 8);
    view.setUint32(place + 16, free, true);
    bytes.set(thunk, free);
    free += aligned(thunk.length);
    return record;
  });
  return { address: at, size, records, bytes };
}

/**
 * @param bytes of the whole island
 * @param params where the parameter pages are whose mark names it
 * @returns the reason why it is none of ours, as a sentence's end, or the island
 */
export function decodeIsland(bytes: Uint8Array, at: Address, params: Address): Island | string {
  if (bytes.length < ISLAND_HEAD_BYTES || bytes.length > MAX_ISLAND) return "has an impossible size";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getBigUint64(0, true) !== ISLAND_MAGIC) return "has no magic number";
  if (view.getUint32(8, true) !== VERSION) return `has version ${view.getUint32(8, true)}`;
  const words = [16, 24, 32].map((offset) => view.getBigUint64(offset, true));
  if (words[0] !== at || words[1] !== BigInt(bytes.length) || words[2] !== params)
    return "is of another place";
  const count = view.getUint32(12, true);
  const end = ISLAND_HEAD_BYTES + count * RECORD_BYTES;
  if (count > MAX_CALLS || end > bytes.length) return `counts ${count} sites`;
  const records: CallRecord[] = [];
  for (let place = ISLAND_HEAD_BYTES; place < end; place += RECORD_BYTES) {
    const thunk = view.getUint32(place + 16, true);
    if (thunk < end || thunk >= bytes.length) return "has a thunk outside";
    const site = address(view.getBigUint64(place, true));
    if (!isInOnePage(site) || !fitsInt32(at + BigInt(thunk) - (site + BigInt(JUMP_LENGTH)))) {
      return "has a site that no jump of ours can stand at";
    }
    records.push({
      address: site,
      original: bytes.slice(place + 8, place + 8 + JUMP_LENGTH),
      thunk: address(at + BigInt(thunk)),
    });
  }
  return { address: at, size: bytes.length, records };
}

function aligned(length: number): number {
  return roundUp(length, THUNK_ALIGNMENT);
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
