/**
 * One skew for several processes: one id, one function of one time, one moment at which it begins. A constant is in force
 * in each as soon as that is injected; a profile, or a change from or to one, begins in all when all of them have it.
 *
 * Until then each fresh member holds the profile with a common start some seconds ahead: so it begins by itself, in all at
 * once, if the tool dies. `begin` brings it forward.
 */
import { TimeskewError } from "../errors.ts";
import type { Start } from "../skew/profile.ts";
import { isConstant, shapeOf, startIn } from "../skew/verbs.ts";
import { type ClockShift, clockShift, NO_SHIFT } from "../target/timens.ts";
import type { InjectResult, SessionSettings, SkewSettings } from "../types.ts";
import { awaitBegin, awaitStragglers, eachStart, SOON, UNATTENDED } from "./begin.ts";
import { change, changeOf, injectBy, unstopped, type Wanted } from "./inject.ts";
import { alignedTo, lookAgain, type Member, memberOf, shifted, type Terms, type Waiting } from "./member.ts";
import { NONE, refuseBackwardShape } from "./monotonic.ts";
import { refuseRange } from "./range.ts";
import {
  formatId,
  inForceIn,
  newIdentity,
  nowIn,
  parseRequest,
  type Request,
  settingsOf,
  skewIn,
} from "./skew.ts";
import { bringTogether, type Placed } from "./together.ts";
import { planChange, type SkewedTarget } from "./update.ts";
import { isOthers, type Whose } from "./whose.ts";

export interface Joint {
  /** 16 hex digits. */
  readonly id: string;
  /**
   * Skews one process, or changes its skew; of a fork of a member, which has it already, it only sees to the beginning.
   *
   * @returns how it is now; of what has not begun, `begin` tells more
   * @throws TimeskewError
   */
  inject(pid: number): Promise<InjectResult>;
  /**
   * Lets everybody begin who has not, at the same moment; whoever is injected later begins as if he had been there.
   *
   * @param meanwhile called when nothing has begun yet that is about to: the last opportunity to inject newcomers in time
   * @returns what became of each member that had not begun, in the order in which they were injected
   */
  begin(meanwhile?: () => Promise<void>): Promise<readonly Begun[]>;
}

export type Begun =
  | { readonly pid: number; readonly result: InjectResult }
  | { readonly pid: number; readonly error: TimeskewError };

/**
 * @param o `skews`: only who has one of these is changed, and without a stop; `inject` throws E_GONE for anybody else
 * @throws TimeskewError E_USAGE, E_DURATION, E_CLOCK, E_RANGE
 */
export function joint(o: JointSettings): Joint {
  const skew = new JointSkew(o);
  return {
    id: formatId(skew.terms.identity.skewId),
    inject: async (pid) => skew.inject(pid),
    begin: (meanwhile) => skew.begin(meanwhile),
  };
}

/**
 * How far ahead a profile begins by itself at the least, and with how much less left it is put off; ns. With so much more
 * for each member, that happens a few times only, however many there are.
 */
const LEAD = { all: 2n * UNATTENDED, each: 20_000_000n };
const NEAR = { all: UNATTENDED, each: 10_000_000n };
const USUAL_STOP_MS = 1000;

type JointSettings = SkewSettings & SessionSettings & Whose;

class JointSkew {
  readonly terms: Terms;
  readonly #o: JointSettings;
  readonly #request: Request;
  readonly #isConstant: boolean;
  #created: Start = now();
  /** How much longer than usual a stop may take, ns. */
  readonly #patience: bigint;
  /** When it begins, by the host's clocks, and whether that is so for good. */
  #due: Start;
  #isFixed = false;
  #waiting: Waiting[] = [];

  constructor(o: JointSettings) {
    this.#o = o;
    this.#request = parseRequest(o);
    const { verbs, selection } = this.#request;
    this.#isConstant = isConstant(verbs);
    this.#patience = BigInt(Math.max(0, (o.stopTimeoutMs ?? 0) - USUAL_STOP_MS)) * 1_000_000n;
    this.#due = this.#earliest(LEAD.all + this.#patience);
    const identity = newIdentity();
    const wanted = changeOf(this.#request, o);
    this.terms = {
      identity,
      change: {
        ...wanted,
        identity,
        // Constants are in force at once, at different times; yet a date is the same offset for all.
        shapeAt: (at) => wanted.shapeAt(this.#isConstant ? { ...at, realtime: this.#created.realtime } : at),
      },
      freshAt: (realtime, start) => {
        const { profile, ...settings } = settingsOf(
          selection.mask,
          shapeOf(verbs, { realtime, offset: 0n }),
          start,
          identity,
        );
        return { ...settings, profile: profile! };
      },
    };
  }

  inject(pid: number): InjectResult {
    this.#putOff();
    let waits = false;
    const result = injectBy(
      { ...this.#o, pid },
      {
        wanted: (shift) => {
          if (this.#o.skews !== undefined) throw notMeant(pid);
          waits = !this.#isConstant && !this.#isFixed;
          return this.#wanted(pid, shift);
        },
        change: (target) => {
          const isOurs = target.found.settings.skewId === this.terms.identity.skewId;
          if (!isOurs && isOthers(target, this.#o)) throw notMeant(pid);
          waits = !this.#isFixed && this.#isToBegin(target);
          return this.#changed(target, waits);
        },
      },
    );
    if (waits) this.#waiting.push({ pid, result });
    return result;
  }

  async begin(meanwhile?: () => Promise<void>): Promise<readonly Begun[]> {
    this.#putOff();
    const failed = new Map<Waiting, TimeskewError>();
    const all = this.#lookAtAll(failed);
    const waiting = this.#waiting;
    this.#waiting = [];
    try {
      const placed = this.#bringForward([...all.values()]);
      this.#isFixed = true;
      await meanwhile?.();
      if (all.size > 0) awaitBegin(this.#due.monotonic - now().monotonic);
      return waiting.map((each) => {
        const member = all.get(each);
        return member === undefined
          ? { pid: each.pid, error: failed.get(each)! }
          : begunOf(each.pid, member, placed.get(member));
      });
    } finally {
      for (const member of all.values()) member[Symbol.dispose]();
    }
  }

  /** Brings the beginning of them all as near as it can be. */
  #bringForward(members: readonly Member[]): ReadonlyMap<Member, Placed | TimeskewError> {
    const anchor = members.find(({ anchor: each }) => each !== undefined)?.anchor;
    if (anchor !== undefined) {
      this.#created = alignedTo(anchor, this.#created);
      this.#due = alignedTo(anchor, this.#due);
    }
    for (const member of members) if (!member.hasIt) member.reach();
    awaitStragglers(members.map(({ place }) => place.process));
    const due = this.#due;
    const stays = this.#earliest(SOON).monotonic >= due.monotonic;
    return this.#together(
      members.filter((member) => !(stays && member.beginsAt(due))),
      (margin) => (stays ? due : this.#earliest(margin)),
    );
  }

  #together(members: readonly Member[], due: (margin: bigint) => Start) {
    for (const member of members) if (member.hasIt) member.reach();
    const { outcomes, due: moment } = bringTogether(members, due, now);
    this.#due = moment;
    return outcomes;
  }

  /** So that no member begins by itself while others are yet to be injected. */
  #putOff(): void {
    if (this.#isFixed || this.#isConstant) return;
    const count = BigInt(this.#waiting.length);
    const left = this.#due.monotonic - now().monotonic;
    if (left > NEAR.all + this.#patience + count * NEAR.each) return;
    const due = this.#earliest(LEAD.all + this.#patience + count * LEAD.each);
    // Whoever cannot be looked at now will tell why in the end.
    const members = [...this.#lookAtAll(new Map()).values()];
    try {
      this.#together(
        members.filter(({ hasIt }) => hasIt),
        () => due,
      );
    } finally {
      for (const member of members) member[Symbol.dispose]();
    }
  }

  #lookAtAll(failed: Map<Waiting, TimeskewError>): Map<Waiting, Member> {
    const members = new Map<Waiting, Member>();
    for (const waiting of this.#waiting) {
      try {
        members.set(waiting, lookAgain(waiting, this.terms));
      } catch (error) {
        if (!(error instanceof TimeskewError)) throw error;
        failed.set(waiting, error);
      }
    }
    return members;
  }

  /** Not before it was asked for. */
  #earliest(margin: bigint): Start {
    const asked = startIn(this.#request.verbs);
    const soon = now().monotonic + margin - this.#created.monotonic;
    return eachStart(this.#created, (time) => time + (asked > soon ? asked : soon));
  }

  /** @throws TimeskewError E_BACKWARD_MONOTONIC, E_RANGE, E_USAGE */
  #wanted(pid: number, shift: ClockShift | "unknown"): Wanted {
    const { verbs, selection } = this.#request;
    const due = this.#isConstant ? this.#created : this.#due;
    const shape = shapeOf(verbs, { realtime: due.realtime, offset: 0n });
    if (!this.#o.allowBackwardMonotonic) refuseBackwardShape(pid, NONE, selection.mask, shape);
    refuseRange(shape, selection, due);
    const left = due.realtime - now().realtime;
    // Where the kernel does not tell, only the process itself knows what its clocks read.
    const begins = this.#isConstant || shift !== "unknown" ? "known" : "flip";
    const start =
      begins === "flip" ? eachStart(due, () => left) : shifted(due, shift === "unknown" ? NO_SHIFT : shift);
    return {
      settings: settingsOf(selection.mask, shape, start, this.terms.identity),
      begins,
      startIn: left,
    };
  }

  /** Whether something is left to be done when all begin. */
  #isToBegin(target: SkewedTarget): boolean {
    const { settings } = target.found;
    if (settings.skewId === this.terms.identity.skewId) return !this.#isConstant;
    return planChange(target, this.terms.change).inForce.settings.profile !== undefined;
  }

  #changed(target: SkewedTarget, waits: boolean): InjectResult {
    const { process, found } = target;
    const carries = found.settings.skewId === this.terms.identity.skewId;
    if (!carries && !this.#isToBegin(target)) return change(target, this.terms.change);
    const result = carries
      ? unstopped(target, "inherited", { inForce: inForceIn(found), late: undefined })
      : unstopped(target, "updated", {
          inForce: planChange(target, this.terms.change).inForce,
          late: undefined,
          previous: skewIn(found, clockShift(process.pid)),
        });
    return waits || (carries && this.#isConstant) ? result : this.#joinNow(target, result);
  }

  /** What has begun without him is in force for a latecomer at once. */
  #joinNow(target: SkewedTarget, result: InjectResult): InjectResult {
    const member = memberOf(target, result, this.terms);
    if (member.beginsAt(this.#due)) return result;
    if (!member.hasIt) member.reach();
    const begun = begunOf(result.pid, member, this.#together([member], () => this.#due).get(member));
    if ("error" in begun) throw begun.error;
    return begun.result;
  }
}

function begunOf(pid: number, member: Member, placed: Placed | TimeskewError | undefined): Begun {
  try {
    if (placed instanceof TimeskewError) return { pid, error: placed };
    return { pid, result: member.told(placed) };
  } catch (error) {
    if (error instanceof TimeskewError) return { pid, error };
    throw error;
  }
}

function notMeant(pid: number): TimeskewError {
  return new TimeskewError("E_GONE", `pid ${pid} does not have this skew any more`, { pid });
}

function now() {
  return nowIn(NO_SHIFT);
}
