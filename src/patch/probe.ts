/**
 * Plans a reading of a target's clocks by its own functions. No code is rewritten, so one thread is stopped. A target
 * without our pages gets them for the moment.
 */
import { type Address, address } from "../machine/address.ts";
import type { FoundPages } from "./find.ts";
import { mapPages, markOf, probe, stubOf } from "./inject.ts";
import type { Mark } from "./mark.ts";
import { encodeSlot, neutral, PARAMS, PROBE_BYTES, slotOffset } from "./params.ts";
import type { Payload } from "./payload.ts";
import type { PatchPlan, Step } from "./plan.ts";
import { planRewrites } from "./trampoline.ts";
import { rewrittenIn, type Vdso } from "./vdso.ts";

export interface ProbeInput {
  readonly pid: number;
  readonly vdso: Vdso;
  readonly payload: Payload;
  /** Where our pages are, or free addresses for them. */
  readonly pages: FoundPages | { readonly free: Address };
  /** Which clocks and functions, as `ClockSelection.mask`. */
  readonly wanted: bigint;
  readonly pristineTail: Uint8Array;
}

export function planProbe(input: ProbeInput): PatchPlan {
  const { pid, vdso, payload, pages, wanted } = input;
  const result = (mark: Mark): Step => ({
    op: "read",
    address: address(mark.params.address + BigInt(PARAMS.probe)),
    length: PROBE_BYTES,
    what: "what they read",
  });
  const plan = {
    pid,
    machine: vdso.machine.name,
    action: "probe",
    stop: "one",
    sleepers: "left",
    stub: stubOf(vdso, input.pristineTail),
  } as const;
  if ("mark" in pages) {
    const { mark, probeEntry } = pages;
    const steps = [...probe(mark, probeEntry, vdso, wanted), result(mark)];
    return {
      ...plan,
      before: pages.state === "skewed" ? "skewed" : "partial",
      sites: mark.sites,
      calls: [],
      steps,
    };
  }
  const rewrites = planRewrites(rewrittenIn(vdso, false), payload, pages.free);
  const mark = markOf({ vdso, payload, pages: pages.free }, rewrites);
  const { code, params } = mark;
  return {
    ...plan,
    before: "untouched",
    sites: [],
    calls: [],
    steps: [
      ...mapPages(mark, payload, rewrites),
      {
        op: "write",
        address: address(params.address + BigInt(slotOffset(0))),
        bytes: encodeSlot(neutral(1n)),
        what: "slot 0: the true time",
      },
      ...probe(mark, payload.probeEntry, vdso, wanted),
      result(mark),
      { op: "unmap", address: code.address, length: code.size + params.size, what: "all our pages" },
    ],
  };
}
