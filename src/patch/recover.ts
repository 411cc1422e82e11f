/**
 * Plans a recovery from what is found in the target: the mark, and the vDSO's bytes as they are now.
 */
import { type Address, address } from "../machine/address.ts";
import { type ReadWindow, rewriteSites } from "./calls.ts";
import type { FoundPages } from "./find.ts";
import { gateAhead, takeGateBack } from "./gate.ts";
import { stubOf } from "./inject.ts";
import { encodeMarkState, MARK_STATE_OFFSET } from "./mark.ts";
import { encodeSlot, neutral, PARAMS, slotOffset } from "./params.ts";
import type { PatchPlan, Step } from "./plan.ts";
import type { Vdso } from "./vdso.ts";

/** How long threads may take to leave our pages. */
const DRAIN_TIMEOUT_NS = 2_000_000_000n;

export interface RecoveryInput {
  readonly pid: number;
  readonly vdso: Vdso;
  readonly found: FoundPages;
  readonly pristineTail: Uint8Array;
  /** Reads the call sites as they are now. */
  readonly read: ReadWindow;
}

export function planRecovery({ pid, vdso, found, pristineTail, read }: RecoveryInput): PatchPlan {
  const { mark, patchedSites, islands, patchedCalls } = found;
  const gate = gateAhead(mark, found.gate);
  const stub = stubOf(vdso, pristineTail);
  const steps: Step[] = [
    { op: "check", address: vdso.start, bytes: vdso.bytes.slice(0, 64), what: "the vDSO is still there" },
    ...patchedSites.map(
      (site): Step => ({
        op: "check",
        address: site.address,
        bytes: site.patched,
        what: `${site.function} begins with our jump`,
      }),
    ),
    ...trueTime(found),
    ...rewriteSites({
      records: patchedCalls,
      read,
      bytes: ({ original }) => original,
      what: () => "a call site is as the program has it",
    }),
    ...patchedSites.map(
      (site): Step => ({
        op: "patch",
        address: site.address,
        old: site.patched,
        new: site.original,
        what: `${site.function} is as the kernel made it`,
      }),
    ),
    ...markRestored(mark),
    // Only now: readGate would take it for one that was never set.
    ...takeGateBack(found.gate),
    {
      op: "drain",
      code: [mark.code, ...islands].map(({ address: at, size }) => ({ address: at, length: size })),
      ...(islands.length > 0 && { waits: waitsOf(mark) }),
      ...(gate && { gate }),
      timeoutNs: DRAIN_TIMEOUT_NS,
      calls: vdso.start,
      what: "no thread is inside the payload",
    },
    // First those that only the mark knows of.
    ...islands.map(
      ({ address: at, size }): Step => ({ op: "unmap", address: at, length: size, what: "an island" }),
    ),
    {
      op: "unmap",
      address: mark.code.address,
      length: mark.code.size + mark.params.size,
      what: "all our pages",
    },
  ];
  const before = found.state === "skewed" ? "skewed" : "partial";
  return {
    pid,
    machine: vdso.machine.name,
    action: "recover",
    before,
    stop: "all",
    sleepers: "left",
    stub,
    sites: mark.sites,
    calls: patchedCalls,
    steps,
  };
}

/** The translated timespecs, which a system call may yet read. */
function waitsOf({ params }: FoundPages["mark"]): { address: Address; length: number } {
  return {
    address: address(params.address + BigInt(PARAMS.waits)),
    length: PARAMS.waitCount * PARAMS.waitSize,
  };
}

function markRestored({ state, sites, params }: FoundPages["mark"]): Step[] {
  // An unfinished injection may have no parameter pages yet.
  if (state === "restored" || sites.length === 0) return [];
  return [
    {
      op: "write",
      address: address(params.address + BigInt(MARK_STATE_OFFSET)),
      bytes: encodeMarkState("restored"),
      old: encodeMarkState(state),
      what: "the mark says so",
    },
  ];
}

/** Clears the unused end of the vDSO. Whoever still runs there is waited for before the first step. */
export function planClearing({ pid, vdso, pristineTail }: Omit<RecoveryInput, "found" | "read">): PatchPlan {
  const stub = stubOf(vdso, pristineTail);
  const step: Step = {
    op: "write",
    address: address(vdso.start + BigInt(vdso.tail.start)),
    bytes: pristineTail,
    what: "the vDSO's unused end is as the kernel made it",
  };
  return {
    pid,
    machine: vdso.machine.name,
    action: "recover",
    before: "untouched",
    stop: "all",
    sleepers: "left",
    stub,
    sites: [],
    calls: [],
    steps: [step],
  };
}

/**
 * A read that has begun sees the settings change and reads again: no skewed time is returned later. While a profile has not
 * begun, the idle slot is in force: a roll back gives it back, and whoever dies between the two writes leaves the true
 * time, and later the profile.
 */
function trueTime({ mark, index, settings, idle: other }: RecoveryInput["found"]): Step[] {
  if (settings.mask === 0n) return [];
  const params = mark.params.address;
  const idle = index ^ 1;
  const last = [settings.generation, other.settings.generation].reduce((a, b) => (a > b ? a : b));
  const slot = encodeSlot(neutral(last + 1n));
  return [
    {
      op: "write",
      address: address(params + BigInt(slotOffset(idle))),
      bytes: slot,
      old: other.bytes.slice(0, slot.length),
      what: `slot ${idle}: the true time`,
    },
    {
      op: "write",
      address: address(params + BigInt(PARAMS.index)),
      bytes: Uint8Array.of(idle),
      old: Uint8Array.of(index),
      what: `slot ${idle} is in force`,
    },
  ];
}
