/**
 * Plans an injection.
 *
 * The order of the steps is what makes it safe to be killed at any of them: the pages are complete before the first
 * jump is written; threads leave the bytes that the jumps replace before they are replaced; and until the very last
 * write, of one byte, every clock reads the true time through whatever is patched by then.
 */
import type { ByteRange } from "../elf/image.ts";
import { TimeskewError } from "../errors.ts";
import { type Address, address } from "../machine/address.ts";
import type { Mapping } from "../target/proc.ts";
import { jumpOf, type PlannedIsland, planIslands, type ReadWindow, rewriteSites } from "./calls.ts";
import { type Gate, gateIn, setGate, tellGate } from "./gate.ts";
import type { CallSiteInTarget } from "./island.ts";
import { findLandings } from "./landing.ts";
import { encodeMark, type Mark } from "./mark.ts";
import {
  DURATIONS,
  encodeProbeHead,
  encodeSlot,
  FILTERED,
  LEFT_ALONE,
  neutral,
  PARAMS,
  PROBE_BYTES,
  type Settings,
  slotOffset,
} from "./params.ts";
import { FUNCTIONS, type Payload } from "./payload.ts";
import type { PatchPlan, Step } from "./plan.ts";
import { planRewrites, type Rewrite } from "./trampoline.ts";
import { rewrittenIn, type Vdso } from "./vdso.ts";

/** Clock ids that every vDSO reads without a system call (VDSO_CLOCKS of the payload), and the two functions. */
export const QUICK_CLOCKS = 0x8f3n | (1n << 62n) | (1n << 63n);

export interface InjectionInput {
  readonly pid: number;
  readonly vdso: Vdso;
  readonly payload: Payload;
  /** Free addresses for code and parameter pages. */
  readonly pages: Address;
  readonly settings: Omit<Settings, "generation">;
  /**
   * When its profile begins. "flip": its starts are how much later than the flip (ns, the same for each clock), and the
   * payload adds what each clock reads by then. "known": its starts are what the clocks will read.
   */
  readonly begins?: "flip" | "known";
  /** What the vDSO's tail holds on this kernel. */
  readonly pristineTail: Uint8Array;
  /** Where system calls with times in them are made; none: they are left alone. */
  readonly calls?: CallsInput;
  /** Of a program whose dynamic linker is yet to begin. */
  readonly gate?: Gate;
}

export interface CallsInput {
  readonly sites: readonly CallSiteInTarget[];
  readonly maps: readonly Mapping[];
  readonly read: ReadWindow;
  /** The places of relative waits are among the sites. */
  readonly durations: boolean;
  /** Some thread has a seccomp filter: the payload makes no system call that the program would not have made. */
  readonly filtered: boolean;
}

export function planInjection(input: InjectionInput): PatchPlan {
  const { pid, payload } = input;
  const vdso = rewrittenIn(input.vdso, input.calls !== undefined);
  const landings = findLandings(vdso, payload, input.pages);
  const rewrites = planRewrites(vdso, payload, input.pages, landings);
  const moves = rewrites.flatMap((each) => each.moves);
  const islands = islandsOf(input);
  const mark = markOf(input, rewrites, islands);
  const params = mark.params.address;
  const active = { ...input.settings, generation: 2n };
  const at = (offset: number) => address(params + BigInt(offset));
  const steps: Step[] = [
    { op: "check", address: vdso.start, bytes: vdso.bytes.slice(0, 64), what: "the vDSO is still there" },
    ...rewrites.map(
      ({ site }): Step => ({
        op: "check",
        address: site.address,
        bytes: site.original,
        what: `${site.function} is unpatched`,
      }),
    ),
    ...mapPages(mark, payload, rewrites),
    ...islands.flatMap(mapIsland),
    {
      op: "write",
      address: at(PARAMS.flags),
      bytes: Uint8Array.of(Number(flagsOf(input))),
      what: "what kind of target it is",
    },
    ...(input.gate ? [tellGate(mark, input.gate)] : []),
    {
      op: "write",
      address: at(slotOffset(0)),
      bytes: encodeSlot(neutral(1n)),
      what: "slot 0: the true time",
    },
    {
      op: "write",
      address: at(slotOffset(1)),
      bytes: encodeSlot(active),
      what: `slot 1: ${wordsFor(active)}`,
    },
    { op: "move", moves, what: "threads leave the prologues" },
    ...rewrites.map(
      ({ site }): Step => ({
        op: "patch",
        address: site.address,
        old: site.original,
        new: site.patched,
        what: `${site.function} begins with a jump`,
      }),
    ),
    { op: "move", moves, what: "so do those that woke up meanwhile" },
    ...rewriteCalls(input, islands),
    ...(input.gate ? [setGate(input.gate, gateIn(mark, payload))] : []),
    ...begin(mark, input),
    {
      op: "write",
      address: at(PARAMS.index),
      bytes: Uint8Array.of(1),
      old: Uint8Array.of(0),
      what: "slot 1 is in force",
    },
    ...probe(mark, payload.probeEntry, vdso, QUICK_CLOCKS),
    {
      op: "check",
      address: at(PARAMS.probeMismatches),
      bytes: new Uint8Array(8),
      what: "the target's clock functions read what was asked for",
    },
    { op: "read", address: at(PARAMS.probe), length: PROBE_BYTES, what: "what they read" },
    {
      op: "read",
      address: at(slotOffset(1)),
      length: encodeSlot(active).length,
      what: "the settings in force",
    },
  ];
  return {
    pid,
    machine: vdso.machine.name,
    action: "inject",
    before: "untouched",
    stop: "all",
    sleepers: landings === undefined ? "woken" : "left",
    stub: stubOf(vdso, input.pristineTail),
    sites: rewrites.map(({ site }) => site),
    calls: islands.flatMap(({ records }) => records),
    steps,
  };
}

function flagsOf({ calls }: InjectionInput): bigint {
  if (calls === undefined) return LEFT_ALONE;
  return (calls.filtered ? FILTERED : 0n) | (calls.durations ? DURATIONS : 0n);
}

function wordsFor({ profile }: Settings): string {
  return profile === undefined || profile.text === "" ? "the skew" : `the skew, ${profile.text}`;
}

/** Makes the starts of slot 1 what the clocks of the target read now: nobody else can tell in its time namespace. */
function begin(mark: Mark, { settings, begins, payload }: InjectionInput): Step[] {
  if (settings.profile === undefined || begins !== "flip") return [];
  const params = mark.params.address;
  return [
    {
      op: "call",
      address: address(mark.code.address + BigInt(payload.beginEntry)),
      argument: params,
      stack: address(params + BigInt(PARAMS.stackTop)),
      what: "one thread notes when it begins, by each clock",
    },
  ];
}

function islandsOf({ calls, payload, pages, vdso }: InjectionInput): PlannedIsland[] {
  if (calls === undefined || calls.sites.length === 0) return [];
  const params = address(pages + BigInt(payload.codeSize));
  const end = address(params + BigInt(payload.paramsSize));
  const enter = address(pages + BigInt(payload.enter));
  return planIslands({ ...calls, machine: vdso.machine, pages: { start: pages, end }, params, enter });
}

/** The steps that map an island and fill it. */
export function mapIsland({ address: at, size, bytes, records }: PlannedIsland): Step[] {
  const sites = records.length === 1 ? "1 call site" : `${records.length} call sites`;
  return [
    { op: "map", address: at, length: size, protection: "r-x", what: `an island for ${sites}` },
    { op: "write", address: at, bytes, what: "its thunks" },
  ];
}

/** The steps that have the sites lead to their islands. */
export function rewriteCalls(
  { calls, vdso }: Pick<InjectionInput, "calls" | "vdso">,
  islands: readonly PlannedIsland[],
): Step[] {
  if (calls === undefined) return [];
  return rewriteSites({
    records: islands.flatMap(({ records }) => records),
    read: calls.read,
    bytes: (record) => jumpOf(vdso.machine, record),
    what: ({ address: at }) => calls.sites.find((site) => site.address === at)?.what ?? "a call site",
  });
}

/** The steps that map and fill our pages, all but the slots. */
export function mapPages(mark: Mark, payload: Payload, rewrites: readonly Rewrite[]): Step[] {
  const pieces = rewrites.flatMap(({ trampoline, pad }) => [trampoline, ...(pad === undefined ? [] : [pad])]);
  const ends = pieces.map((piece) => Number(piece.address - mark.code.address) + piece.bytes.length);
  const code = new Uint8Array(Math.max(payload.bytes.length, ...ends));
  code.set(payload.bytes);
  for (const piece of pieces) code.set(piece.bytes, Number(piece.address - mark.code.address));
  return [
    {
      op: "map",
      address: mark.code.address,
      length: mark.code.size,
      protection: "r-x",
      calls: mark.vdso.address,
      what: "the payload's page",
    },
    { op: "write", address: mark.code.address, bytes: code, what: "the payload and its trampolines" },
    {
      op: "map",
      address: mark.params.address,
      length: mark.params.size,
      protection: "rw-",
      what: "its parameter pages",
    },
    { op: "write", address: mark.params.address, bytes: encodeMark(mark), what: "the mark" },
  ];
}

export function markOf(
  { vdso, payload, pages }: Pick<InjectionInput, "vdso" | "payload" | "pages">,
  rewrites: readonly Rewrite[],
  islands: readonly PlannedIsland[] = [],
): Mark {
  return {
    state: "armed",
    code: { address: pages, size: payload.codeSize },
    params: { address: address(pages + BigInt(payload.codeSize)), size: payload.paramsSize },
    vdso: { address: vdso.start, size: vdso.bytes.length },
    sites: rewrites.map(({ site }) => site),
    islands: islands.map(({ address: at, size }) => ({ address: at, size })),
    added: [],
  };
}

/** The steps that read the wanted clocks in the target. The results lie in the probe afterwards. */
export function probe(mark: Mark, probeEntry: number, vdso: Vdso, wanted: bigint): Step[] {
  const params = mark.params.address;
  const entries = FUNCTIONS.map((name) => vdso.functions.find((fn) => fn.name === name)?.entry ?? 0n);
  return [
    {
      op: "write",
      address: address(params + BigInt(PARAMS.probe)),
      bytes: encodeProbeHead(entries, wanted),
      what: "which clocks to read",
    },
    {
      op: "call",
      address: address(mark.code.address + BigInt(probeEntry)),
      argument: params,
      stack: address(params + BigInt(PARAMS.stackTop)),
      what: "one thread reads the clocks through the vDSO",
    },
  ];
}

/** What we set aside for a stub of native/arch, if there is as much. */
const STUB_BYTES = 512;

/** The very end of the image: zeros, and if these are too few, section headers, which only debuggers read. */
export function stubOf(vdso: Vdso, pristineTail: Uint8Array): PatchPlan["stub"] {
  const { longest, wanted = longest } = vdso.machine.stub;
  const most = Math.max(STUB_BYTES, wanted);
  const behind = ({ start, end }: ByteRange) => Math.min(most, end - ((start + 15) & ~15));
  const zeros = behind(vdso.image.padding);
  const size = zeros < wanted ? behind(vdso.tail) : zeros;
  if (size < longest) {
    throw new TimeskewError("E_VDSO", `the vDSO's last page has ${size} unused bytes, too few for our calls`);
  }
  return {
    address: address(vdso.end - BigInt(size)),
    pristine: pristineTail.slice(pristineTail.length - size),
  };
}
