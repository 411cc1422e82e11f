/**
 * Plans the extension of a skewed process: islands for code that was mapped since, such as a program's libraries.
 *
 * The mark names an island before it is mapped, as in an injection, so that whoever finds it can remove it. It is named by
 * one word, for the mark must be whole at any moment.
 */
import { address } from "../machine/address.ts";
import { type PlannedIsland, planIslands } from "./calls.ts";
import type { FoundPages } from "./find.ts";
import { type CallsInput, mapIsland, rewriteCalls, stubOf } from "./inject.ts";
import { MOST_CALLS } from "./island.ts";
import { ADDED_OFFSET, encodePlace, MAX_ADDED, type Place, WORD } from "./mark.ts";
import { FILTERED, PARAMS } from "./params.ts";
import type { PatchPlan, Step } from "./plan.ts";
import type { Vdso } from "./vdso.ts";

export interface ExtensionInput {
  readonly pid: number;
  readonly vdso: Vdso;
  readonly found: FoundPages;
  readonly pristineTail: Uint8Array;
  /** Sites that are not ours yet; `durations` as they were before. */
  readonly calls: CallsInput;
}

/** @returns a plan whose `calls` are the sites that are added; none: there is nothing to be done */
export function planExtension({ pid, vdso, found, pristineTail, calls }: ExtensionInput): PatchPlan {
  const { mark } = found;
  const vacancies = vacanciesIn(found);
  const islands = newIslands(vdso, found, calls, vacancies.length);
  const steps: Step[] = [
    { op: "check", address: vdso.start, bytes: vdso.bytes.slice(0, 64), what: "the vDSO is still there" },
    ...flagFilter(found, calls),
    {
      op: "ours",
      address: mark.code.address,
      length: mark.code.size,
      calls: vdso.start,
      what: "the payload, from which threads return to the islands",
    },
    ...islands.flatMap((island, i) => [nameIsland(found, vacancies[i]!, island), ...mapIsland(island)]),
    ...rewriteCalls({ calls, vdso }, islands),
  ];
  return {
    pid,
    machine: vdso.machine.name,
    action: "extend",
    before: "skewed",
    stop: "all",
    sleepers: "left",
    stub: stubOf(vdso, pristineTail),
    sites: mark.sites,
    calls: islands.flatMap(({ records }) => records),
    steps,
  };
}

/** Which words of the mark name no island, or one that is not there: its run died, or it was removed. */
function vacanciesIn({ mark, islands }: FoundPages): number[] {
  const there = new Set<bigint>(islands.map(({ address: at }) => at));
  return Array.from({ length: MAX_ADDED }, (_, i) => i).filter((i) => {
    const place = mark.added[i];
    return place === undefined || !there.has(place.address);
  });
}

function newIslands(
  { machine }: Vdso,
  { mark: { code, params }, enter, islands }: FoundPages,
  { sites, maps }: CallsInput,
  most: number,
): PlannedIsland[] {
  const known = islands.reduce((sum, { records }) => sum + records.length, 0);
  return planIslands({
    machine,
    sites: sites.slice(0, Math.max(0, MOST_CALLS - known)),
    maps,
    pages: { start: code.address, end: address(params.address + BigInt(params.size)) },
    params: params.address,
    enter: address(code.address + BigInt(enter)),
    most,
  });
}

/** A filter may have been added since. */
function flagFilter({ mark, flags }: FoundPages, { filtered }: CallsInput): Step[] {
  if (!filtered || (flags & FILTERED) !== 0n) return [];
  const byte = (value: bigint) => Uint8Array.of(Number(value & 0xffn));
  return [
    {
      op: "write",
      address: address(mark.params.address + BigInt(PARAMS.flags)),
      bytes: byte(flags | FILTERED),
      old: byte(flags),
      what: "there is a seccomp filter now",
    },
  ];
}

function nameIsland({ mark: { params, added } }: FoundPages, index: number, place: Place): Step {
  return {
    op: "patch",
    address: address(params.address + BigInt(ADDED_OFFSET + WORD * index)),
    old: encodePlace(added[index]),
    new: encodePlace(place),
    what: "the mark names one more island",
  };
}
