/**
 * One operation on a set of processes: each on its own, one's failure no reason to leave the others out; and whoever comes
 * meanwhile, by listing again until nobody new is there.
 */
import type { TimeskewError } from "../../errors.ts";
import { asTargetError, concernsAll, isGone, verdict } from "./failure.ts";
import type { ProcessSet } from "./process-set.ts";

export interface Work<R> {
  /** Whether `work` may change a target: after an unexpected failure its state is then in doubt. */
  readonly changes: boolean;
  work(pid: number): Promise<R>;
  /** Whether there was something to do; if so, others may be there by now who need it, too. Default: no. */
  wasNeeded?(result: R): boolean;
  /** Called once if processes come so fast that not all are reached. */
  gaveUp?(rounds: number): void;
}

export type MemberOutcome<R> = { readonly result: R } | { readonly error: TimeskewError };

export interface SetTally<R> {
  /** By pid, in the order in which they were first worked on. */
  readonly outcomes: ReadonlyMap<number, MemberOutcome<R>>;
  readonly results: readonly R[];
  readonly failures: readonly TimeskewError[];
  /** Of all of them together. */
  readonly error: TimeskewError | undefined;
  /** How many have ended meanwhile that nobody had named. */
  readonly ended: number;
}

/** Processes that come and go so fast that so many rounds do not reach them all are left to --follow. */
const MOST_ROUNDS = 100;
/** So often a process is tried that is being changed by others, or becomes another program while it is looked at. */
const MOST_TRIES = 3;

export class Members<R extends object> {
  readonly #set: ProcessSet;
  readonly #work: Work<R>;
  readonly #tries = new Map<number, number>();
  readonly #again = new Set<number>();
  readonly #outcomes = new Map<number, MemberOutcome<R>>();
  #ended = 0;
  #gaveUp = false;

  constructor(set: ProcessSet, work: Work<R>) {
    this.#set = set;
    this.#work = work;
  }

  /** Works on everybody who is there and was not worked on, until a round brings nobody who needed it. */
  async reachAll(): Promise<void> {
    for (let round = 1; round <= MOST_ROUNDS; round++) {
      if (!(await this.#reachNew())) return;
    }
    if (this.#gaveUp) return;
    this.#gaveUp = true;
    this.#work.gaveUp?.(MOST_ROUNDS);
  }

  /** What became of one later on. */
  put(pid: number, outcome: MemberOutcome<R>): void {
    if ("result" in outcome) this.#outcomes.set(pid, outcome);
    else this.#failed(pid, outcome.error);
  }

  /** @returns whether somebody needed it */
  async #reachNew(): Promise<boolean> {
    const pids = await this.#set.list();
    const listed = new Set(pids);
    for (const pid of this.#again) if (!listed.has(pid)) this.#forget(pid);
    let needed = false;
    for (const pid of pids) {
      if (this.#tries.has(pid) && !this.#again.has(pid)) continue;
      needed = (await this.reach(pid)) || needed;
    }
    return needed;
  }

  /** @returns whether it was needed */
  async reach(pid: number): Promise<boolean> {
    const { work, wasNeeded, changes } = this.#work;
    this.#again.delete(pid);
    this.#tries.set(pid, (this.#tries.get(pid) ?? 0) + 1);
    try {
      const result = await work(pid);
      this.#outcomes.set(pid, { result });
      return wasNeeded?.(result) ?? false;
    } catch (thrown) {
      if (this.#outcomes.size === 0 && concernsAll(thrown)) throw thrown;
      this.#failed(pid, asTargetError(thrown, pid, changes));
      return true;
    }
  }

  #failed(pid: number, error: TimeskewError): void {
    this.#outcomes.set(pid, { error });
    const passes = isGone(error) || error.code === "E_BUSY";
    if (passes && !this.#set.named.has(pid) && this.#tries.get(pid)! < MOST_TRIES) this.#again.add(pid);
  }

  /** It has ended: nobody had named it, so that is no failure. */
  #forget(pid: number): void {
    this.#again.delete(pid);
    this.#outcomes.delete(pid);
    this.#ended++;
  }

  /**
   * Sums up.
   *
   * @param counts whose result is worth telling; default: everybody's
   */
  conclude(counts: (result: R) => boolean = () => true): SetTally<R> {
    for (const pid of this.#again) if (isGone(this.#errorOf(pid))) this.#forget(pid);
    const results: R[] = [];
    const failures: TimeskewError[] = [];
    for (const [pid, outcome] of this.#outcomes) {
      if ("error" in outcome) failures.push(outcome.error);
      else if (counts(outcome.result)) results.push(outcome.result);
      else this.#outcomes.delete(pid);
    }
    const error = verdict(results.length, failures);
    return { results, failures, error, outcomes: this.#outcomes, ended: this.#ended };
  }

  #errorOf(pid: number): unknown {
    const outcome = this.#outcomes.get(pid);
    return outcome !== undefined && "error" in outcome ? outcome.error : undefined;
  }
}
