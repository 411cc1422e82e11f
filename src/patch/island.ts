/**
 * An island: pages of ours near an image whose system calls are translated, since a jump reaches only so far. It holds a
 * header, a record of each call site that was rewritten, and the sites' thunks. The mark names the islands; status and
 * recover need nothing else.
 *
 * It lies in the target's memory, so whoever controls the target controls it: `decodeIsland` believes nothing that its
 * place and its size do not bear out.
 */
import { type Address, address } from "../machine/address.ts";
import type { CallMachine } from "../machine/calls.ts";
import { JumpOutOfReach } from "../machine/errors.ts";
import type { Machine } from "../machine/machine.ts";

/** "TIMEISLE" */
export const ISLAND_MAGIC = 0x454c5349454d4954n;
const VERSION = 1;
/** magic, version and count, address, size, parameter pages, entry of the payload */
export const ISLAND_HEAD_BYTES = 48;
const ENTER_OFFSET = 40;
/** site, its original bytes (as many as a jump has), offset of its thunk */
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
  /** Of the instruction that a jump replaces. */
  readonly address: Address;
  /** As `ThunkInput.moved`; the first is the one that is replaced. */
  readonly moved: Uint8Array;
  /** Where the system call is made. */
  readonly call: Address;
  /** As `ThunkInput.free`. */
  readonly free: number;
  /** "futex in sem_timedwait of libc.so.6": for people to read. */
  readonly what: string;
}

/** A call site as the island records it. */
export interface CallRecord {
  readonly address: Address;
  /** What the program has there: as many bytes as a jump has. */
  readonly original: Uint8Array;
  readonly thunk: Address;
}

export interface Island {
  readonly address: Address;
  readonly size: number;
  readonly records: readonly CallRecord[];
}

/** A machine on whose programs' call sites jumps are written. */
export type MachineWithCalls = Machine & { readonly calls: CallMachine };

export function hasCalls(machine: Machine): machine is MachineWithCalls {
  return machine.calls !== undefined;
}

/** Whether the bytes of a site that change lie in one page: two would not be written at once. */
export function isInOnePage({ jumpLength }: Pick<Machine, "jumpLength">, site: Address): boolean {
  return Number(site % BigInt(PAGE)) + jumpLength <= PAGE;
}

/** How many bytes, in whole pages, these sites take. */
export function islandSize(
  { calls }: Pick<MachineWithCalls, "calls">,
  sites: readonly Pick<CallSiteInTarget, "moved">[],
): number {
  const thunks = sites.reduce((sum, { moved }) => sum + aligned(calls.thunkLength(moved)), 0);
  return roundUp(ISLAND_HEAD_BYTES + sites.length * RECORD_BYTES + thunks, PAGE);
}

/**
 * @param machine the target's
 * @param at where the island will be: within a jump's reach of every site
 * @param params where the parameter pages are
 * @param enter the payload's entry for system calls
 * @throws RelocationError, JumpOutOfReach
 */
export function encodeIsland(
  machine: MachineWithCalls,
  at: Address,
  sites: readonly CallSiteInTarget[],
  params: Address,
  enter: Address,
): Island & { bytes: Uint8Array } {
  const size = islandSize(machine, sites);
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
      original: site.moved.slice(0, machine.jumpLength),
      thunk: address(at + BigInt(free)),
    };
    const thunk = machine.calls.encodeThunk({
      moved: site.moved,
      site: site.address,
      call: site.call,
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
 * @param machine the target's
 * @param bytes of the whole island
 * @param params where the parameter pages are whose mark names it
 * @returns the reason why it is none of ours, as a sentence's end, or the island
 */
export function decodeIsland(
  machine: Machine,
  bytes: Uint8Array,
  at: Address,
  params: Address,
): Island | string {
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
    const offset = view.getUint32(place + 16, true);
    if (offset < end || offset >= bytes.length) return "has a thunk outside";
    const site = address(view.getBigUint64(place, true));
    const thunk = address(at + BigInt(offset));
    if (!isInOnePage(machine, site) || !reaches(machine, site, thunk)) {
      return "has a site that no jump of ours can stand at";
    }
    const original = bytes.slice(place + 8, place + 8 + machine.jumpLength);
    records.push({ address: site, original, thunk });
  }
  return { address: at, size: bytes.length, records };
}

function reaches(machine: Machine, site: Address, thunk: Address): boolean {
  try {
    machine.encodeJump(site, thunk);
    return true;
  } catch (error) {
    if (error instanceof JumpOutOfReach) return false;
    throw error;
  }
}

function aligned(length: number): number {
  return roundUp(length, THUNK_ALIGNMENT);
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
