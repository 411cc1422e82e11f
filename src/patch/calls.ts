/**
 * Plans the rewriting of call sites: which islands there will be, where, and how each site's bytes change.
 *
 * A site is one instruction, so no thread can stand within it, and nobody has to be moved. It lies anywhere, not in one
 * aligned word: a window of eight bytes around it is replaced by one write, which the end of the tool cannot cut in two.
 */
import { type Address, address } from "../machine/address.ts";
import { JumpOutOfReach, RelocationError } from "../machine/errors.ts";
import type { Machine } from "../machine/machine.ts";
import { type AddressRange, freeGaps, type Gaps } from "../target/gap.ts";
import type { Mapping } from "../target/proc.ts";
import {
  type CallRecord,
  type CallSiteInTarget,
  encodeIsland,
  hasCalls,
  type Island,
  islandSize,
  MAX_CALLS,
  type MachineWithCalls,
  MOST_CALLS,
} from "./island.ts";
import { endOfAddresses } from "./landing.ts";
import { MAX_ISLANDS, WORD } from "./mark.ts";
import type { Step } from "./plan.ts";

/** Libraries and the vDSO are not farther apart, but programs are from them. */
const NEAR = 1n << 31n;
const PAGE = 4096n;
const CACHE_LINE = 64n;

export type PlannedIsland = Island & { readonly bytes: Uint8Array };

export interface CallsInput {
  /** The target's. */
  readonly machine: Machine;
  readonly maps: readonly Mapping[];
  readonly sites: readonly CallSiteInTarget[];
  /** Where the payload and its parameters will be, and the payload's entry for system calls. */
  readonly pages: AddressRange;
  readonly params: Address;
  readonly enter: Address;
  /** How many islands there may be; default MAX_ISLANDS. */
  readonly most?: number;
}

/** @returns the islands; sites for which there is no room within reach are in none of them */
export function planIslands(input: CallsInput): PlannedIsland[] {
  const { machine } = input;
  if (!hasCalls(machine)) return [];
  const islands: PlannedIsland[] = [];
  const taken = [input.pages];
  for (const group of groupsOf(machine, input.sites.slice(0, MOST_CALLS))) {
    const isRoom = islands.length < (input.most ?? MAX_ISLANDS);
    const at = isRoom ? placeFor(machine, group, input, taken) : undefined;
    const reachable = at === undefined ? [] : group.filter((site) => isReachable(machine, site, at));
    if (at === undefined || reachable.length === 0) continue;
    const island = encodeIsland(machine, at, reachable, input.params, input.enter);
    islands.push(island);
    taken.push({ start: at, end: address(at + BigInt(island.size)) });
  }
  return islands;
}

/**
 * Neighbours together: an image's sites, and those of the libraries around it. What is farther apart than half of a jump
 * gets islands of its own, so that each finds room within reach of all its sites.
 */
function groupsOf({ reach }: Machine, sites: readonly CallSiteInTarget[]): CallSiteInTarget[][] {
  const groups: CallSiteInTarget[][] = [];
  for (const site of sites.toSorted((a, b) => (a.address < b.address ? -1 : 1))) {
    const group = groups.at(-1);
    const isFull = group === undefined || group.length === MAX_CALLS;
    if (isFull || site.address - group[0]!.address > reach / 2n) groups.push([site]);
    else group.push(site);
  }
  return groups;
}

/**
 * Where the kernel puts no new mapping, which would be in our way before we are there: above libraries, from which it
 * goes down; and below a program, above which its heap grows.
 */
function placeFor(
  machine: MachineWithCalls,
  sites: readonly CallSiteInTarget[],
  { maps, pages }: CallsInput,
  taken: readonly AddressRange[],
): Address | undefined {
  const start = address(sites[0]!.address & ~(PAGE - 1n));
  const end = address((sites.at(-1)!.address | (PAGE - 1n)) + 1n);
  const all = [...maps, ...taken.map(asMapping)];
  const distance = pages.start - start;
  const areLibraries = distance < NEAR && distance > -NEAR;
  const size = BigInt(islandSize(machine, sites));
  const limits = { highest: endOfAddresses(machine, maps) };
  let other: Gaps | undefined;
  for (const gap of freeGaps(all, { start, end }, size, machine.reach, limits)) {
    if (gap.above === areLibraries) return nearest(gap);
    other ??= gap;
  }
  return other && nearest(other);
}

function nearest({ first, last, above }: Gaps): Address {
  return address(above ? first : last);
}

/** What will be mapped by then. */
function asMapping({ start, end }: AddressRange): Mapping {
  return { start, end, perms: "---p", offset: 0n, device: "00:00", inode: 0n, path: "", deleted: false };
}

/** Whether the site's instructions can be moved that far: what they refer to must be within reach from there, too. */
function isReachable({ calls }: MachineWithCalls, site: CallSiteInTarget, at: Address): boolean {
  const { moved, call, free } = site;
  try {
    calls.encodeThunk({ moved, site: site.address, call, free, at, enter: at });
    return true;
  } catch (error) {
    if (error instanceof RelocationError || error instanceof JumpOutOfReach) return false;
    throw error;
  }
}

/**
 * Where the window of eight bytes around a site begins: inside its page, and inside one cache line if possible.
 *
 * @param length bytes at the site that change
 */
export function windowOf(site: Address, length: number): Address {
  const line = site - (site % CACHE_LINE);
  const fits = site + BigInt(length) <= line + CACHE_LINE;
  const end = fits ? line + CACHE_LINE : site - (site % PAGE) + PAGE;
  return address(site + BigInt(WORD) <= end ? site : end - BigInt(WORD));
}

/** What stands at a site once it is rewritten. */
export function jumpOf(machine: Machine, { address: site, thunk }: CallRecord): Uint8Array {
  return machine.encodeJump(site, thunk);
}

/** Reads the target's memory as it is now, or throws. */
export type ReadWindow = (at: Address, length: number) => Uint8Array;

export interface RewriteInput {
  readonly records: readonly CallRecord[];
  readonly read: ReadWindow;
  /** What shall stand at a site. */
  readonly bytes: (record: CallRecord) => Uint8Array;
  readonly what: (record: CallRecord) => string;
}

/** The steps that rewrite sites, or put them back. */
export function rewriteSites({ records, read, bytes, what }: RewriteInput): Step[] {
  let previous: { address: Address; bytes: Uint8Array } | undefined;
  return records
    .toSorted((a, b) => (a.address < b.address ? -1 : 1))
    .map((record): Step => {
      const at = windowOf(record.address, record.original.length);
      const old = read(at, WORD).slice();
      // Windows of neighbours can overlap: by then the one before has been rewritten.
      if (previous !== undefined) overlay(old, at, previous);
      previous = { address: record.address, bytes: bytes(record) };
      const changed = old.slice();
      overlay(changed, at, previous);
      return { op: "patch", address: at, old, new: changed, what: what(record) };
    });
}

/** Writes the bytes that stand at `address` into those that stand at `at`, as far as they are among them. */
function overlay(
  into: Uint8Array,
  at: Address,
  { address: from, bytes }: { address: Address; bytes: Uint8Array },
): void {
  bytes.forEach((byte, i) => {
    const place = from + BigInt(i) - at;
    if (place >= 0n && place < BigInt(into.length)) into[Number(place)] = byte;
  });
}
