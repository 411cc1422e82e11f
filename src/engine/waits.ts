/**
 * Where a process makes the system calls that carry times: in the code that it has mapped from files. What cannot be
 * covered is told, place by place.
 */
import { basename } from "node:path";
import { type CallSite, type Calls, findCalls, type Unproved } from "../calls/find.ts";
import { tableOf } from "../calls/table.ts";
import { ElfError } from "../elf/error.ts";
import { type ByteSource, type CodeImage, readCodeImage } from "../elf/functions.ts";
import { type Address, address, formatAddress } from "../machine/address.ts";
import type { Machine } from "../machine/machine.ts";
import { type CallSiteInTarget, hasCalls, isInOnePage, type MachineWithCalls } from "../patch/island.ts";
import { equal } from "../patch/scene.ts";
import { openMapped } from "../target/mapped-file.ts";
import type { Mapping } from "../target/proc.ts";
import type { Process } from "../target/process.ts";
import { readMemory } from "../tracer/native.ts";
import type { UnprovedCall, WaitCoverage } from "../types.ts";

export interface WaitSite extends CallSiteInTarget {
  readonly origin: Origin;
}

type Origin = Omit<UnprovedCall, "why">;

export interface WaitSites {
  readonly sites: readonly WaitSite[];
  /** What is not covered; `sites` counts those above. */
  readonly coverage: WaitCoverage;
}

/** One file, and where it is mapped for execution. */
interface MappedImage {
  readonly path: string;
  readonly mappings: readonly Mapping[];
}

/** What is looked for: calls of these numbers, in images for this machine. */
interface Search {
  readonly machine: MachineWithCalls;
  readonly wanted: ReadonlySet<number>;
}

/**
 * @param machine the target's
 * @param durations CLOCK_MONOTONIC may run at another rate
 * @throws TimeskewError E_GONE, E_PERMISSION
 */
export function findWaits(process: Process, machine: Machine, durations: boolean): WaitSites {
  const generated = generatedCode(process.maps);
  const found: MutableSites = { sites: [], unproved: [], unsearched: [] };
  // Where programs make their calls by the vDSO, that is patched; nothing is to be found in their own code.
  if (hasCalls(machine)) {
    const { deadlines, durations: relative } = tableOf(machine.calls);
    const search = { machine, wanted: durations ? new Set([...deadlines, ...relative]) : deadlines };
    for (const image of imagesOf(process.maps)) findIn(process, image, search, found);
  }
  const { sites, unproved, unsearched } = found;
  return { sites, coverage: { sites: sites.length, unproved, unsearched, generatedCode: generated } };
}

interface MutableSites {
  readonly sites: WaitSite[];
  readonly unproved: UnprovedCall[];
  readonly unsearched: { image: string; why: string }[];
}

function findIn(process: Process, image: MappedImage, search: Search, found: MutableSites): void {
  const calls = callsOf(process, image, search);
  if (typeof calls === "string") {
    found.unsearched.push({ image: image.path, why: calls });
    return;
  }
  const { machine } = search;
  for (const site of calls.sites) {
    const origin = originOf(machine, image, { ...site, at: site.call });
    for (const place of placesOf(machine, site, calls.image, image)) {
      const why = whyNot(process, machine, place);
      if (why !== undefined) found.unproved.push({ ...origin, why });
      else found.sites.push({ ...place, free: site.free, what: words(origin), origin });
    }
  }
  found.unproved.push(
    ...calls.unproved.map((each) => ({ ...originOf(machine, image, each), why: each.why })),
  );
}

function imagesOf(maps: readonly Mapping[]): MappedImage[] {
  const images = new Map<string, Mapping[]>();
  for (const mapping of maps.filter(isFileCode)) {
    const key = `${mapping.device} ${mapping.inode}`;
    const mappings = images.get(key);
    if (mappings === undefined) images.set(key, [mapping]);
    else mappings.push(mapping);
  }
  return [...images.values()].map((mappings) => ({ path: mappings[0]!.path, mappings }));
}

export function isFileCode(mapping: Mapping): boolean {
  return isExecutable(mapping) && mapping.perms[3] === "p" && !isGenerated(mapping);
}

function isExecutable({ perms }: Mapping): boolean {
  return perms[2] === "x";
}

/** Code that a program has made while it runs is in no file, or in one that is only memory. */
function isGenerated({ inode, path }: Mapping): boolean {
  return inode === 0n || path.startsWith("/memfd:") || path === "/dev/zero" || path.startsWith("/SYSV");
}

function generatedCode(maps: readonly Mapping[]): number {
  return maps.filter(
    (mapping) => isExecutable(mapping) && isGenerated(mapping) && !mapping.path.startsWith("["),
  ).length;
}

type FoundCalls = Calls & { readonly image: CodeImage };

/** By file and what is looked for: processes of one service have the same libraries. */
const known = new Map<string, FoundCalls | string>();

/** @returns why an image could not be searched, or what was found in it */
function callsOf(process: Process, image: MappedImage, wanted: Search): FoundCalls | string {
  using file = openMapped(process.proc, image.mappings[0]!);
  if (file === undefined)
    return search((offset, length) => readMapped(process, image, offset, length), wanted);
  const key = `${file.identity} ${wanted.machine.name} ${[...wanted.wanted]}`;
  const found = known.get(key) ?? search(file.read, wanted);
  known.set(key, found);
  return found;
}

function search(source: ByteSource, { machine, wanted }: Search): FoundCalls | string {
  try {
    const image = readCodeImage(source);
    if (image.machine !== machine.name) return `is for ${image.machine}`;
    return { ...findCalls(machine.calls, image, wanted), image };
  } catch (error) {
    if (error instanceof ElfError) return error.message;
    throw error;
  }
}

/** From the target's memory, where the file itself cannot be opened. */
function readMapped(
  { proc, memoryPid, maps }: Process,
  { mappings }: MappedImage,
  offset: number,
  length: number,
): Uint8Array | undefined {
  const { device, inode } = mappings[0]!;
  const at = BigInt(offset);
  const end = at + BigInt(length);
  const mapping = maps.find(
    (each) =>
      each.inode === inode &&
      each.device === device &&
      each.offset <= at &&
      end <= each.offset + (each.end - each.start),
  );
  if (mapping === undefined) return undefined;
  return readMemory(proc, memoryPid, address(mapping.start + (at - mapping.offset)), length);
}

type Place = Pick<CallSiteInTarget, "address" | "moved" | "call">;

/** Where a site of an image is in the target: once for each time that the image is mapped. */
function placesOf(
  { calls }: MachineWithCalls,
  { patch, moved, call }: CallSite,
  { code }: CodeImage,
  { mappings }: MappedImage,
): Place[] {
  const start = Math.min(patch, call);
  const length = Math.max(patch + moved.length, call + calls.call.length) - start;
  const segment = code.find(({ vaddr, size }) => vaddr <= start && start < vaddr + size);
  if (segment === undefined) return [];
  const offset = BigInt(segment.offset + (start - segment.vaddr));
  const end = offset + BigInt(length);
  return mappings
    .filter((each) => each.offset <= offset && end <= each.offset + (each.end - each.start))
    .map((each) => {
      const at = (vaddr: number) => address(each.start + (offset - each.offset) + BigInt(vaddr - start));
      return { address: at(patch), moved, call: at(call) };
    });
}

/** Why a site of the file is none in the target. */
function whyNot(
  { proc, memoryPid }: Process,
  machine: MachineWithCalls,
  { address: at, moved, call }: Place,
): string | undefined {
  if (!isInOnePage(machine, at)) return "it crosses a page";
  for (const [where, expected] of [[at, moved] as const, [call, machine.calls.call] as const]) {
    const now = readMemory(proc, memoryPid, where, expected.length);
    if (now === undefined) return "its code cannot be read";
    if (!equal(now, expected)) return "its code in memory is not that of the file";
  }
  return undefined;
}

function originOf(
  { calls }: MachineWithCalls,
  { path }: MappedImage,
  { at, number, function: name }: Omit<Unproved, "why">,
): Origin {
  return {
    image: path,
    at: formatAddress(BigInt(at)),
    function: name,
    call: number === undefined ? undefined : tableOf(calls).nameOf(number),
  };
}

/** "futex in sem_timedwait of libc.so.6", "system calls in syscall of libc.so.6" */
function words({ image, at, function: name, call }: Origin): string {
  return `${call ?? "system calls"} in ${name ?? at} of ${basename(image)}`;
}

/** What a plan leaves out of what was found: where no island finds room within reach. */
export function coverageOf(
  { sites, coverage }: WaitSites,
  planned: readonly { address: Address }[],
): WaitCoverage {
  const done = new Set(planned.map(({ address: at }) => at));
  const left = sites.filter(({ address: at }) => !done.has(at));
  const why = "there are no free addresses within reach of a jump";
  return {
    ...coverage,
    sites: sites.length - left.length,
    unproved: [...coverage.unproved, ...left.map(({ origin }) => ({ ...origin, why }))],
  };
}
