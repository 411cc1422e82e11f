/**
 * Plans a recovery from what is found in the target: the mark, and the vDSO's bytes as they are now.
 */
import { address } from "../machine/address.ts";
import type { Found } from "./find.ts";
import { stubOf } from "./inject.ts";
import { encodeMarkState, MARK_STATE_OFFSET, type Mark } from "./mark.ts";
import { encodeSlot, neutral, PARAMS, slotOffset } from "./params.ts";
import type { PatchPlan, Step } from "./plan.ts";
import type { Vdso } from "./vdso.ts";

/** How long threads may take to leave our pages. */
const DRAIN_TIMEOUT_NS = 2_000_000_000n;

export interface RecoveryInput {
  readonly pid: number;
  readonly vdso: Vdso;
  readonly found: Extract<Found, { mark: Mark }>;
  readonly pristineTail: Uint8Array;
}

export function planRecovery({ pid, vdso, found, pristineTail }: RecoveryInput): PatchPlan {
  const { mark, patchedSites } = found;
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
    ...patchedSites.map(
      (site): Step => ({
        op: "patch",
        address: site.address,
        old: site.patched,
        new: site.original,
        what: `${site.function} is as the kernel made it`,
      }),
    ),
    {
      op: "write",
      address: address(mark.params.address + BigInt(MARK_STATE_OFFSET)),
      bytes: encodeMarkState("restored"),
      old: encodeMarkState(mark.state),
      what: "the mark says so",
    },
    {
      op: "drain",
      address: mark.code.address,
      length: mark.code.size,
      timeoutNs: DRAIN_TIMEOUT_NS,
      callees: vdso.functions.map((fn) => ({
        start: fn.address,
        end: address(fn.address + BigInt(fn.size)),
      })),
      what: "no thread is inside the payload",
    },
    {
      op: "unmap",
      address: mark.code.address,
      length: mark.code.size + mark.params.size,
      what: "all our pages",
    },
  ];
  return { pid, action: "recover", stop: "all", stub, sites: mark.sites, steps };
}

/** A read that has begun sees the settings change and reads again: no skewed time is returned later. */
function trueTime({ mark, index, settings }: RecoveryInput["found"]): Step[] {
  if (settings.mask === 0n) return [];
  const params = mark.params.address;
  const idle = index ^ 1;
  return [
    {
      op: "write",
      address: address(params + BigInt(slotOffset(idle))),
      bytes: encodeSlot(neutral(settings.generation + 1n)),
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
