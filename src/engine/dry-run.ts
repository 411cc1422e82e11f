/**
 * What an injection would do. Reads, changes nothing.
 */
import { neutral } from "../patch/params.ts";
import type { TrueReadings } from "../skew/clock.ts";
import { clockShift } from "../target/timens.ts";
import type { DryRunResult, SkewSettings } from "../types.ts";
import { eachStart } from "./begin.ts";
import { changeOf, injectionOf, refuseSelf, type Wanted, waitsOf, wantedFor } from "./inject.ts";
import { inspect } from "./inspect.ts";
import type { InForce } from "./model.ts";
import { refuseForeign } from "./refuse.ts";
import { nowIn, parseRequest, skewOf } from "./skew.ts";
import { isSkewed, planChange } from "./update.ts";
import { coverageOf } from "./waits.ts";

/** @throws TimeskewError as `inject` */
export async function planInjection(o: { pid: number } & SkewSettings): Promise<DryRunResult> {
  refuseSelf(o.pid);
  const request = parseRequest(o);
  using target = inspect(o.pid);
  refuseForeign(target);
  const { pid, command } = target.process;
  if (isSkewed(target)) {
    const { inForce, now } = planChange(target, changeOf(request, o));
    const skew = skewOf(inForce, now)!;
    return { pid, command, action: "update", skew, plan: undefined, waits: undefined };
  }
  const shift = clockShift(pid);
  const wanted = wantedFor(o, request, shift);
  const waits = waitsOf(target, request.selection.mask, o.waits);
  const plan = injectionOf(target, wanted, waits);
  const skew = skewOf(begun(wanted, nowIn(shift)), nowIn(shift))!;
  return { pid, command, action: "inject", skew, plan, waits: waits && coverageOf(waits, plan.calls) };
}

/** As if it was brought into force at that time. */
function begun({ settings, begins, startIn }: Wanted, now: TrueReadings): InForce {
  const { profile } = settings;
  if (profile === undefined || begins === "known") return { settings, before: neutral(1n) };
  const start = eachStart(now, (time) => time + startIn);
  return { settings: { ...settings, profile: { ...profile, start } }, before: neutral(1n) };
}
