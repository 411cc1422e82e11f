/** Plans that no planner makes. */
import { inspect } from "../../src/engine/inspect.ts";
import { stubOf } from "../../src/patch/inject.ts";
import type { PatchPlan, Step } from "../../src/patch/plan.ts";
import type { Vdso } from "../../src/patch/vdso.ts";
import type { Report } from "../../src/tracer/encode.ts";
import { execute } from "../../src/tracer/execute.ts";

/** Carries out a plan made by hand, whose steps may depend on the target's vDSO. */
export function carryOut(pid: number, stepsOf: (vdso: Vdso) => readonly Step[]): Report {
  using target = inspect(pid, { locked: true });
  const { vdso, pristineTail } = target;
  const plan: PatchPlan = {
    pid,
    machine: vdso.machine.name,
    action: "recover",
    before: "partial",
    stop: "all",
    sleepers: "left",
    stub: stubOf(vdso, pristineTail),
    sites: [],
    calls: [],
    steps: stepsOf(vdso),
  };
  return execute(plan, target.process).report;
}
