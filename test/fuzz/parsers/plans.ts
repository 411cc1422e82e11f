/** What holds for every plan, whatever it was made from: it touches nothing but the vDSO and pages of ours. */
import { describePlan, planAsJson } from "../../../src/patch/describe.ts";
import { MAX_ISLAND } from "../../../src/patch/island.ts";
import { PARAMS } from "../../../src/patch/params.ts";
import { MAX_CODE } from "../../../src/patch/payload.ts";
import { invert, type PatchPlan, type Step } from "../../../src/patch/plan.ts";
import { encodePlan } from "../../../src/tracer/encode.ts";
import { must, mustBeTame } from "../parser.ts";

interface Range {
  readonly start: bigint;
  readonly end: bigint;
}

/** The bytes of the target that a step reads, writes, unmaps or looks for. */
function extentsOf(step: Step): Range[] {
  const of = (start: bigint, length: number): Range => ({ start, end: start + BigInt(length) });
  switch (step.op) {
    case "check":
    case "write":
      return [of(step.address, step.bytes.length)];
    case "patch":
      return [of(step.address, 8)];
    case "map":
    case "unmap":
    case "ours":
    case "read":
      return [of(step.address, step.length)];
    case "drain":
      return [...step.code, ...(step.waits === undefined ? [] : [step.waits])].map(({ address, length }) =>
        of(address, length),
      );
    case "call":
      return [of(step.address, 1)];
    case "move":
      return [];
  }
}

/** Whether a patch changes bytes of a window that begins elsewhere, but for its neighbours' at the edges. */
function cuts({ address, old, new: fresh }: Step & { op: "patch" }, window: bigint): boolean {
  return old.some((byte, i) => byte !== fresh[i] && address + BigInt(i) === window);
}

/** What the largest payload has, or an island. */
const MOST_PAGES = Math.max(MAX_CODE + PARAMS.size, MAX_ISLAND);

export function mustStayInside(plan: PatchPlan, permitted: readonly Range[]): void {
  const words = new Set<bigint>();
  for (const step of plan.steps) {
    const inside = extentsOf(step).every((extent) =>
      permitted.some(({ start, end }) => extent.start >= start && extent.end <= end),
    );
    must(inside, `"${step.what}" stays in the vDSO and our pages`);
    if (step.op === "unmap" || step.op === "map") {
      const { address, length } = step;
      must(address % 4096n === 0n && length > 0 && length % 4096 === 0, "whole pages");
      must(length <= MOST_PAGES, "no more than a payload or an island needs");
    }
    if (step.op !== "patch") continue;
    const { address } = step;
    must(address % 4096n <= 4088n, "a patch lies within one page");
    must(!words.has(address) && ![...words].some((word) => cuts(step, word)), "each byte is patched once");
    words.add(step.address);
  }
  const { address, pristine } = plan.stub;
  const stub = { start: address, end: address + BigInt(pristine.length) };
  must(stub.start >= permitted[0]!.start && stub.end <= permitted[0]!.end, "the stub is in the vDSO");
  must(![...words].some((word) => word + 8n > stub.start && word < stub.end), "no site is in the stub");
}

/** It can be packed, printed and inverted. */
export function mustUndoItself(plan: PatchPlan): void {
  const session = {
    proc: 3,
    memoryPid: 1,
    stopTimeoutNs: 1n,
    seccomp: false,
    ourChild: false,
    followed: false,
  };
  const { bytes, outputSize } = encodePlan(plan, session);
  must(bytes.length < 1 << 20 && outputSize < 1 << 16, "a plan is small");
  invert(plan.steps);
  for (const line of describePlan(plan)) mustBeTame(line);
  planAsJson(plan);
}
