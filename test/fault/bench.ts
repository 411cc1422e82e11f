/** Trials on one kind of target, one after the other: every operation of an action, or a spread of them. */
import type { Staged } from "../support/variant.ts";
import { type Finding, isAlive, type Picture, picture } from "./aftermath.ts";
import { Driver, type Fault, type How } from "./driver.ts";
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
  /** Only operations that are this request of ptrace. */
  only?: number;
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

  /** @param stopTimeoutMs for how long the tool waits for a thread to stop */
  constructor(kind: TargetKind, { folder }: Pick<Staged, "folder">, stopTimeoutMs?: number) {
    this.#kind = kind;
    this.#driver = new Driver(folder, stopTimeoutMs);
  }

  /**
   * Goes through the operations until the action ends before the next is reached. Depends on no number and no order:
   * with each fault the tool may go another way.
   */
  async enumerate(action: Action, how: How, extent: Extent): Promise<Tally> {
    const { most, oneErrno = false, last, only } = extent;
    const tally: Tally = { trials: 0, findings: [], said: {}, status: {}, heldOn: 0 };
    const attempt = (at: number, choice: number, what = how) =>
      this.#trial(tally, action, { at, how: what, choice, ...(only !== undefined && { only }) });
    const operations = await count(attempt, last === undefined ? 1 : COUNTS);
    const stride = most === undefined ? 1 : Math.max(1, operations / most);
    const first = last === undefined ? 1 : Math.max(1, operations - last);
    const fails = how.startsWith("fail");
    for (let i = 0; tally.findings.length < MOST_FINDINGS; i++) {
      const at = first + Math.floor(i * stride);
      const outcome = await attempt(at, fails && oneErrno ? i % 2 : 0);
      if (outcome?.answer.hit === 0) break;
      const choices = fails && !oneErrno ? (outcome?.answer.choices ?? 0) : 0;
      for (let choice = 1; choice < choices; choice++) await attempt(at, choice);
    }
    return tally;
  }

  /** Undefined where the trial could not be brought to its end. */
  async #trial(tally: Tally, action: Action, fault: Fault): Promise<Outcome | undefined> {
    this.#target ??= await this.#kind.start();
    this.#pristine ??= picture(this.#target.pid);
    const { pid } = this.#target;
    let outcome: Outcome | undefined;
    let findings: Finding[];
    try {
      outcome = await trial(this.#target, this.#pristine, this.#driver, action, fault);
      findings = outcome.findings;
      for (const [counts, what] of [
        [tally.said, outcome.said],
        [tally.status, outcome.status],
      ] as const)
        counts[what] = (counts[what] ?? 0) + 1;
      tally.heldOn += outcome.heldOn ? 1 : 0;
    } catch (error) {
      const { at, how, choice } = fault;
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

type Attempt = (at: number, choice: number, how: How) => Promise<Outcome | undefined>;

/** How many operations there are: at the least, of so many undisturbed actions. */
async function count(attempt: Attempt, times: number): Promise<number> {
  const counts: number[] = [];
  while (counts.length < times) counts.push((await attempt(0, 0, "count"))?.answer.operations ?? 0);
  return Math.min(...counts);
}
