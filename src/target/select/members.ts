/**
 * The processes of something that is known by its cgroups: a container, a pod, a cgroup. They are read from the cgroups'
 * own directories where that can be done, else found among all processes.
 */
import type { CgroupLine } from "../proc.ts";
import { errorCode } from "../process.ts";
import { folderOf, foldersIn, type Hierarchies, processesBelow } from "./hierarchies.ts";
import type { Host } from "./host.ts";
import { cgroupsOf, pidsOf, runsPrograms, statOf } from "./processes.ts";

/** Says which part of a process's path is the cgroup of what was selected; undefined if the process is not in it. */
export type Within = (path: string) => string | undefined;

export interface CgroupsWanted {
  readonly within: Within;
  /** Whether others of its cgroups may come up next to one that was found: a pod's containers. */
  readonly siblings?: boolean;
}

/** So long nobody is looked for again among all processes, in ms, after a search in vain. */
const REST_MS = 100;

/** The function that lists them, again and again. */
export function membersOf(host: Host, hierarchies: Hierarchies, wanted: CgroupsWanted): () => number[] {
  let found = search(host, hierarchies, wanted);
  let searchedAt = performance.now();
  return () => {
    const pids = found.places === undefined ? undefined : readPlaces(host, found.places, wanted);
    if (pids !== undefined && pids !== "gone") return pids;
    // Its cgroups have gone: it ended, or is about to start again, here or elsewhere.
    if (pids === "gone" && performance.now() - searchedAt < REST_MS) return [];
    found = search(host, hierarchies, wanted);
    searchedAt = performance.now();
    return found.pids;
  };
}

/** A cgroup's directory, or one that has several of them. */
interface Place {
  readonly folder: string;
  /** The cgroup of the directory above, if its other directories may be wanted, too. */
  readonly siblingsOf?: string | undefined;
}

interface Found {
  readonly pids: number[];
  /** Where all of these can be read; undefined if not all can. */
  readonly places: readonly Place[] | undefined;
}

function search(host: Host, hierarchies: Hierarchies, wanted: CgroupsWanted): Found {
  const pids: number[] = [];
  /** By directory, who is in it. */
  const candidates = new Map<string, { place: Place; pids: Set<number> }>();
  for (const pid of pidsOf(host)) {
    const cgroups = (cgroupsOf(host, pid) ?? []).flatMap((line) => {
      const cgroup = wanted.within(line.path);
      return cgroup === undefined ? [] : [{ line, cgroup }];
    });
    if (cgroups.length === 0) continue;
    const stat = statOf(host, pid);
    if (stat === undefined || !runsPrograms(stat)) continue;
    pids.push(pid);
    for (const { line, cgroup } of cgroups) {
      const place = placeOf(hierarchies, line, cgroup, wanted.siblings === true);
      if (place === undefined) continue;
      const known = candidates.get(place.folder);
      if (known === undefined) candidates.set(place.folder, { place, pids: new Set([pid]) });
      else known.pids.add(pid);
    }
  }
  const places = cover(pids, [...candidates.values()]);
  return { pids, places: places !== undefined && canBeRead(host, pids, places, wanted) ? places : undefined };
}

/** What is mounted may be hidden by something else that is mounted there. */
function canBeRead(
  host: Host,
  pids: readonly number[],
  places: readonly Place[],
  wanted: CgroupsWanted,
): boolean {
  const there = readPlaces(host, places, wanted);
  if (there === undefined || there === "gone") return pids.length === 0;
  const found = new Set(there);
  return pids.every((pid) => found.has(pid));
}

function placeOf(
  hierarchies: Hierarchies,
  line: CgroupLine,
  cgroup: string,
  siblings: boolean,
): Place | undefined {
  const above = cgroup.slice(0, cgroup.lastIndexOf("/")) || "/";
  const folder = folderOf(hierarchies, line, siblings ? above : cgroup);
  return folder === undefined ? undefined : { folder, siblingsOf: siblings ? above : undefined };
}

/** Few of the places, in which everybody is: usually it is one, as a process is in the same cgroup in each hierarchy. */
function cover(
  pids: readonly number[],
  candidates: readonly { place: Place; pids: Set<number> }[],
): Place[] | undefined {
  const missing = new Set(pids);
  const places: Place[] = [];
  for (const { place, pids: there } of candidates.toSorted((a, b) => b.pids.size - a.pids.size)) {
    if (missing.size === 0) break;
    if (![...there].some((pid) => missing.has(pid))) continue;
    places.push(place);
    for (const pid of there) missing.delete(pid);
  }
  return missing.size === 0 ? places : undefined;
}

function readPlaces(
  host: Host,
  places: readonly Place[],
  wanted: CgroupsWanted,
): number[] | "gone" | undefined {
  const pids = new Set<number>();
  let exists = false;
  for (const folder of places.flatMap((place) => foldersOf(host, place, wanted))) {
    const there = processesBelow(host, folder);
    if (there === "unknown") return undefined;
    if (there === "gone") continue;
    exists = true;
    for (const pid of there) pids.add(pid);
  }
  return exists ? [...pids] : "gone";
}

function foldersOf(host: Host, { folder, siblingsOf }: Place, { within }: CgroupsWanted): string[] {
  if (siblingsOf === undefined) return [folder];
  const above = siblingsOf === "/" ? "" : siblingsOf;
  try {
    return foldersIn(`${host.root}${folder}`)
      .filter((name) => within(`${above}/${name}`) === `${above}/${name}`)
      .map((name) => `${folder}/${name}`);
  } catch (error) {
    if (errorCode(error) !== undefined) return []; // gone: the search finds what has become of it
    throw error;
  }
}
