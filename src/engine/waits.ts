/**
 * Where a process makes the system calls that carry times: in the code that it has mapped from files. What cannot be
 * covered is told, place by place.
 */
import { basename } from "node:path";
import { type CallSite, type Calls, findCalls, type Unproved } from "../calls/find.ts";
import { callName, DEADLINE_CALLS, DURATION_CALLS } from "../calls/table.ts";
import { ElfError } from "../elf/error.ts";
import { type ByteSource, type CodeImage, readCodeImage } from "../elf/functions.ts";
import { type Address, address, formatAddress } from "../machine/address.ts";
import { type CallSiteInTarget, isInOnePage } from "../patch/island.ts";
import { equal } from "../patch/scene.ts";
import { openMapped } from "../target/mapped-file.ts";
import type { Mapping } from "../target/proc.ts";
import type { Process } from "../target/process.ts";
import { readMemory } from "../tracer/native.ts";
import type { UnprovedCall, WaitCoverage } from "../types.ts";

const SYSCALL_LENGTH = 2;

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

const TIMED_CALLS: ReadonlySet<number> = new Set([...DEADLINE_CALLS, ...DURATION_CALLS]);

/** Numbers of the system calls that matter; `durations`: CLOCK_MONOTONIC may run at another rate. */
export function timedCalls(durations: boolean): ReadonlySet<number> {
  return durations ? TIMED_CALLS : DEADLINE_CALLS;
}

/**
 * @param wanted numbers of the system calls to be found
 * @throws TimeskewError E_GONE, E_PERMISSION
 */
export function findWaits(process: Process, wanted: ReadonlySet<number>): WaitSites {
  const sites: WaitSite[] = [];
  const unproved: UnprovedCall[] = [];
  const unsearched: { image: string; why: string }[] = [];
  for (const image of imagesOf(process.maps)) {
    const calls = callsOf(process, image, wanted);
    if (typeof calls === "string") {
      unsearched.push({ image: image.path, why: calls });
      continue;
    }
    for (const site of calls.sites) {
      const origin = originOf(image, { ...site, at: site.patch + site.moved.length });
      for (const place of placesOf(site, calls.image, image)) {
        const why = whyNot(process, site, place);
        if (why !== undefined) unproved.push({ ...origin, why });
        else sites.push({ address: place, moved: site.moved, free: site.free, what: words(origin), origin });
      }
    }
    unproved.push(...calls.unproved.map((each) => ({ ...originOf(image, each), why: each.why })));
  }
  return {
    sites,
    coverage: { sites: sites.length, unproved, unsearched, generatedCode: generatedCode(process.maps) },
  };
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

function isFileCode(mapping: Mapping): boolean {
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

/** By file and wanted calls: processes of one service have the same libraries. */
const known = new Map<string, FoundCalls | string>();

/** @returns why an image could not be searched, or what was found in it */
function callsOf(process: Process, image: MappedImage, wanted: ReadonlySet<number>): FoundCalls | string {
  using file = openMapped(process.proc, image.mappings[0]!);
  if (file === undefined)
    return search((offset, length) => readMapped(process, image, offset, length), wanted);
  const key = `${file.identity} ${[...wanted]}`;
  const found = known.get(key) ?? search(file.read, wanted);
  known.set(key, found);
  return found;
}

function search(source: ByteSource, wanted: ReadonlySet<number>): FoundCalls | string {
  try {
    const image = readCodeImage(source);
    if (image.machine !== "x86_64") return `is for ${image.machine}`;
    return { ...findCalls(image, wanted), image };
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

/** Where a site of an image is in the target: once for each time that the image is mapped. */
function placesOf({ patch, moved }: CallSite, { code }: CodeImage, { mappings }: MappedImage): Address[] {
  const segment = code.find(({ vaddr, size }) => vaddr <= patch && patch < vaddr + size);
  if (segment === undefined) return [];
  const offset = BigInt(segment.offset + (patch - segment.vaddr));
  const end = offset + BigInt(moved.length + SYSCALL_LENGTH);
  return mappings
    .filter((each) => each.offset <= offset && end <= each.offset + (each.end - each.start))
    .map((each) => address(each.start + (offset - each.offset)));
}

/** Why a site of the file is none in the target. */
function whyNot({ proc, memoryPid }: Process, { moved }: CallSite, at: Address): string | undefined {
  if (!isInOnePage(at)) return "it crosses a page";
  const now = readMemory(proc, memoryPid, at, moved.length + SYSCALL_LENGTH);
  if (now === undefined) return "its code cannot be read";
  const expected = Uint8Array.of(...moved, 0x0f, 0x05);
  return equal(now, expected) ? undefined : "its code in memory is not that of the file";
}

function originOf({ path }: MappedImage, { at, number, function: name }: Omit<Unproved, "why">): Origin {
  return {
    image: path,
    at: formatAddress(BigInt(at)),
    function: name,
    call: number === undefined ? undefined : callName(number),
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
