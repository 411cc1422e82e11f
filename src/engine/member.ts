/**
 * A member of a set whose beginning is to come: looked at, and locked until it is disposed of.
 */
import { TimeskewError } from "../errors.ts";
import type { TrueReadings } from "../skew/clock.ts";
import type { Start } from "../skew/profile.ts";
import { type ClockShift, clockShift, NO_SHIFT } from "../target/timens.ts";
import type { InjectResult } from "../types.ts";
import { eachStart, type ProfileSettings, readBack, readTruly } from "./begin.ts";
import { APART } from "./handover.ts";
import { unstopped } from "./inject.ts";
import { type Inspection, inspect } from "./inspect.ts";
import type { InForce } from "./model.ts";
import { type Identity, inForceIn, nowIn } from "./skew.ts";
import type { Free, Party, Placed } from "./together.ts";
import { type Change, isSkewed, lastGeneration, prepare, type SkewedTarget } from "./update.ts";

/** What was said about it when it was injected. */
export interface Waiting {
  readonly pid: number;
  readonly result: InjectResult;
}

export interface Member extends Party, Disposable {
  /** Where its settings may be written to; `reach` changes that. */
  place: Free;
  /** Whether it has the skew already, and waits for its beginning only. */
  readonly hasIt: boolean;
  /** When the profile began that is taken over from, by the host's clocks. */
  readonly anchor: Start | undefined;
  /** Whether it begins at that moment as it is. */
  beginsAt(due: Start): boolean;
  /**
   * Has its clocks read the true time by our code until it begins, where they may be left to the kernel's function, or
   * where other settings are in the way.
   */
  reach(): void;
  /** @throws TimeskewError */
  told(placed: Placed | undefined): InjectResult;
}

/** What members have in common. */
export interface Terms {
  readonly identity: Identity;
  readonly change: Change;
  /** Of a process that had no skew, by its own clocks. */
  freshAt(realtime: bigint, start: Start): ProfileSettings;
}

/** @throws TimeskewError */
export function lookAgain({ pid, result }: Waiting, terms: Terms): Member {
  const target = inspect(pid, { locked: true });
  try {
    return memberOf(target, result, terms);
  } catch (error) {
    target[Symbol.dispose]();
    throw error;
  }
}

/** @throws TimeskewError for a target that is not skewed any more, or differently, or cannot change over */
export function memberOf(target: Inspection, result: InjectResult, terms: Terms): Member {
  const { pid, command } = target.process;
  if (!isSkewed(target)) {
    throw new TimeskewError(
      "E_GONE",
      `pid ${pid} (${command}) is not skewed any more: it runs another program`,
      {
        pid,
      },
    );
  }
  if (target.found.settings.skewId === terms.identity.skewId) return carrier(target, result, terms);
  if (result.action === "updated") return changing(target, result, terms);
  throw new TimeskewError("E_BUSY", `pid ${pid} (${command}) was given another skew meanwhile`, {
    pid,
    targetState: "skewed",
    hint: "recover it, and try again",
  });
}

/** It was injected, or forked by one that was, and has the same settings. */
function carrier(target: SkewedTarget, result: InjectResult, { identity, freshAt }: Terms): Member {
  const { process, found } = target;
  const shift = clockShift(process.pid);
  const inForce = inForceIn(found);
  const { profile, mask } = found.settings;
  const own = (profile ?? found.idle.settings.profile)?.start;
  const startAt = (due: Start) => startBy(due, shift, own);
  const member: Member = {
    place: {
      process,
      params: found.mark.params.address,
      index: found.index,
      now: () => nowIn(shift, inForce),
      last: lastGeneration(found),
    },
    hasIt: true,
    anchor: undefined,
    beginsAt: (due) => profile !== undefined && equalStarts(profile.start, startAt(due)),
    settingsAt: (due) => freshAt(due.realtime, startAt(due)),
    reach: () => {
      member.place = readTruly(member.place, { mask, ...identity }, member.place.last);
    },
    told: (placed) => {
      const { inForce: now, late } = inForceOf(target, placed, found.idle.settings);
      const { skew, readings } = unstopped(target, result.action, { inForce: now, late });
      return { ...result, skew, readings, late };
    },
    [Symbol.dispose]: () => target[Symbol.dispose](),
  };
  return member;
}

/** It has another skew, which the new one takes over from. */
function changing(target: SkewedTarget, result: InjectResult, { change }: Terms): Member {
  const shift = clockShift(target.process.pid);
  const { from, settingsAt, ...prepared } = prepare(target, change);
  const old = from.settings.profile?.start;
  const member: Member = {
    place: prepared.place,
    hasIt: false,
    anchor: shift === "unknown" || old === undefined ? undefined : shifted(old, opposite(shift)),
    beginsAt: () => false,
    settingsAt: (due) => settingsAt(startBy(due, shift, old)).settings,
    reach: () => {
      member.place = prepared.reach();
    },
    told: (placed) => {
      const { previous } = result;
      return unstopped(target, "updated", { ...inForceOf(target, placed, from.settings), previous });
    },
    [Symbol.dispose]: () => target[Symbol.dispose](),
  };
  return member;
}

function inForceOf(
  { process, found }: SkewedTarget,
  placed: Placed | undefined,
  before: InForce["before"],
): { inForce: InForce; late: bigint | undefined } {
  const { params } = found.mark;
  const settings = readBack(process, params.address, placed?.settings ?? found.settings);
  return { inForce: { settings, before }, late: placed?.late };
}

/** The same moment by the clocks of a process; where the kernel does not tell, by a moment that it has noted itself. */
function startBy(due: Start, shift: ClockShift | "unknown", own: Start | undefined): Start {
  if (shift !== "unknown") return shifted(due, shift);
  if (own === undefined) return shifted(due, NO_SHIFT);
  return eachStart(own, (time) => time + due.realtime - own.realtime);
}

/** What the clocks of a time namespace read when the host's read this. */
export function shifted(due: TrueReadings, { monotonic, boottime }: ClockShift): Start {
  return {
    realtime: due.realtime,
    monotonic: due.monotonic + monotonic,
    raw: due.raw + monotonic,
    boottime: due.boottime + boottime,
    tai: due.tai,
  };
}

function opposite({ monotonic, boottime }: ClockShift): ClockShift {
  return { monotonic: -monotonic, boottime: -boottime };
}

/**
 * The same moment, told by clocks that are as far from each other as they were at another moment: they are not read all at
 * once, and who takes over from a profile keeps to its distances. A clock that was set meanwhile is left as it is.
 */
export function alignedTo(anchor: Start, moment: Start): Start {
  const elapsed = moment.monotonic - anchor.monotonic;
  const align = (family: keyof Start) => {
    const aligned = anchor[family] + elapsed;
    const apart = aligned - moment[family];
    return -APART <= apart && apart <= APART ? aligned : moment[family];
  };
  return {
    realtime: align("realtime"),
    monotonic: moment.monotonic,
    raw: align("raw"),
    boottime: align("boottime"),
    tai: align("tai"),
  };
}

function equalStarts(a: Start, b: Start): boolean {
  return (Object.keys(a) as (keyof Start)[]).every((family) => a[family] === b[family]);
}
