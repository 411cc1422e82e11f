/** Trials on one kind of target, one after the other: every operation of an action, or a spread of them. */
import type { Staged } from "../support/variant.ts";
import { type Finding, isAlive, type Picture, picture } from "./aftermath.ts";
import { Driver, type How } from "./driver.ts";
import type { Target, TargetKind } from "./targets.ts";
import { type Action, type Outcome, trial } from "./trial.ts";

export interface Tally {
  trials: number;
  findings: string[];
  /** How often the tool said what, and `status` after it. */
  said: Record<string, number>;
  status: Record<string, number>;
  /** How often a thread was let go only at the tool's end. */
  heldOn: number;
}

export interface Extent {
  /** At most so many operations, evenly spread. */
  most?: number;
  /** One errno for each operation, in turn, and not all that it may answer. */
  oneErrno?: boolean;
  /** Only so many operations at the end. */
  last?: number;
}

/** A target that was harmed is replaced, so that each finding has one cause. Enough findings are enough. */
const MOST_FINDINGS = 40;

/** Signals that come meanwhile make for more operations. */
const COUNTS = 5;

export class Bench implements AsyncDisposable {
  readonly #kind: TargetKind;
  readonly #driver: Driver;
  #target: Target | undefined;
  #pristine: Picture | undefined;

  constructor(kind: TargetKind, staged: Staged) {
    this.#kind = kind;
    this.#driver = new Driver(staged.folder);
  }

  /**
   * Goes through the operations until the action ends before the next is reached. Depends on no number and no order:
   * with each fault the tool may go another way.
   */
  async enumerate(action: Action, how: How, { most, oneErrno = false, last }: Extent): Promise<Tally> {
    const tally: Tally = { trials: 0, findings: [], said: {}, status: {}, heldOn: 0 };
    const operations = await this.#count(tally, action, last === undefined ? 1 : COUNTS);
    const stride = most === undefined ? 1 : Math.max(1, operations / most);
    const first = last === undefined ? 1 : Math.max(1, operations - last);
    const fails = how.startsWith("fail");
    for (let i = 0; tally.findings.length < MOST_FINDINGS; i++) {
      const at = first + Math.floor(i * stride);
      const outcome = await this.#trial(tally, action, at, how, fails && oneErrno ? i % 2 : 0);
      if (outcome?.answer.hit === 0) break;
      const choices = fails && !oneErrno ? (outcome?.answer.choices ?? 0) : 0;
      for (let choice = 1; choice < choices; choice++) await this.#trial(tally, action, at, how, choice);
    }
    return tally;
  }

  /** How many operations there are: at the least, of so many undisturbed actions. */
  async #count(tally: Tally, action: Action, times: number): Promise<number> {
    const counts: number[] = [];
    while (counts.length < times) {
      const undisturbed = await this.#trial(tally, action, 0, "count", 0);
      counts.push(undisturbed?.answer.operations ?? 0);
    }
    return Math.min(...counts);
  }

  /** Undefined where the trial could not be brought to its end. */
  async #trial(tally: Tally, action: Action, at: number, how: How, choice: number) {
    this.#target ??= await this.#kind.start();
    this.#pristine ??= picture(this.#target.pid);
    const { pid } = this.#target;
    let outcome: Outcome | undefined;
    let findings: Finding[];
    try {
      outcome = await trial(this.#target, this.#pristine, this.#driver, action, { at, how, choice });
      findings = outcome.findings;
      for (const [counts, what] of [
        [tally.said, outcome.said],
        [tally.status, outcome.status],
      ] as const)
        counts[what] = (counts[what] ?? 0) + 1;
      tally.heldOn += outcome.heldOn ? 1 : 0;
    } catch (error) {
      const what = `${action}, ${how} at operation ${at}, errno ${choice}: ${(error as Error).stack}`;
      findings = [{ kind: isAlive(pid) ? "stopped" : "crashed", what }];
      await this.#driver.end();
    }
    tally.trials++;
    tally.findings.push(...findings.map((each) => `${this.#kind.name}: ${each.kind}: ${each.what}`));
    if (findings.length > 0) await this.#replace();
    return outcome;
  }

  async #replace(): Promise<void> {
    await this.#target?.[Symbol.asyncDispose]();
    this.#target = undefined;
    this.#pristine = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#driver.end();
    await this.#replace();
  }
}
