/**
 * Finds the call sites that timeskew has rewritten in a process, from the islands that its mark names.
 */
import { type Address, address } from "../machine/address.ts";
import { jumpOf } from "./calls.ts";
import { type CallRecord, decodeIsland, ISLAND_MAGIC, type Island, MOST_CALLS } from "./island.ts";
import type { Mark, Place } from "./mark.ts";
import { equal, readAnonymous, type Scene, startsLike } from "./scene.ts";

const PAGE = 4096;

export interface FoundCalls {
  /** Of the islands that the mark names, those that are there. */
  readonly islands: readonly Island[];
  /** The call sites that hold our jump now. */
  readonly patchedCalls: readonly CallRecord[];
  /** What is odd about them. */
  readonly note: string | undefined;
}

export function findCalls(scene: Scene, mark: Mark): FoundCalls {
  const islands = placesOf(mark).flatMap((place) => readIsland(scene, place, mark.params.address) ?? []);
  const calls = inOrder(islands.flatMap(({ records }) => records)).slice(0, MOST_CALLS);
  const patchedCalls = apart(patchedAmong(scene, calls));
  return { islands, patchedCalls, note: lostCalls(calls.length - patchedCalls.length, calls.length) };
}

/** Each once: a forged mark may name one twice, and two cannot be unmapped. */
function placesOf({ islands, added }: Mark): Place[] {
  const places = [...islands, ...added.flatMap((place) => place ?? [])];
  return [...new Map(places.map((place) => [place.address, place])).values()];
}

/** An island that a mark names. One that a run has not filled before it died has no sites: no jump leads there yet. */
function readIsland(
  scene: Scene,
  { address: at, size }: Mark["islands"][number],
  params: Address,
): Island | undefined {
  const within = scene.maps.find(({ start, end }) => start <= at && at + BigInt(size) <= end);
  if (within?.perms !== "r-xp") return undefined;
  const bytes = readAnonymous(scene, at, size);
  if (bytes === undefined) return undefined;
  const island = decodeIsland(scene.vdso.machine, bytes, at, params);
  if (typeof island !== "string") return island;
  return startsLike(bytes, ISLAND_MAGIC) ? { address: at, size, records: [] } : undefined;
}

/**
 * Those in a program's or a library's memory that hold our jump. (Its code may not be executable at the moment.) Neighbours
 * lie in one page, which is read once.
 */
function patchedAmong({ maps, read, vdso }: Scene, records: readonly CallRecord[]): CallRecord[] {
  const files = maps.filter(({ perms, inode }) => perms[3] === "p" && inode !== 0n);
  let last: { page: bigint; bytes: Uint8Array | undefined } | undefined;
  return records.filter((record) => {
    if (!files.some(({ start, end }) => start <= record.address && record.address < end)) return false;
    const page = record.address & ~BigInt(PAGE - 1);
    if (last?.page !== page) last = { page, bytes: read(address(page), PAGE) };
    const jump = jumpOf(vdso.machine, record);
    const from = Number(record.address - page);
    const now = last.bytes?.subarray(from, from + jump.length);
    // What cannot be told may be ours: a jump must not be left without the island that it leads to.
    return now === undefined || equal(now, jump);
  });
}

function inOrder(records: readonly CallRecord[]): CallRecord[] {
  return records.toSorted((a, b) => (a.address < b.address ? -1 : 1));
}

/**
 * None within another, which no injection makes. (Among all records there may be such: where a library was unloaded,
 * another one may lie, with sites of a later island.)
 */
function apart(records: readonly CallRecord[]): CallRecord[] {
  let end = 0n;
  return records.filter(({ address: at, original }) => {
    if (at < end) return false;
    end = at + BigInt(original.length);
    return true;
  });
}

/** A library may have been unloaded since, or a debugger stand there. */
function lostCalls(lost: number, all: number): string | undefined {
  if (lost === 0) return undefined;
  return `${lost} of the ${all} places where its waits were translated are not ours any more`;
}
