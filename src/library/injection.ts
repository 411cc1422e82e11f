/** A skew that a program has made, and the means to change it and to take it back. */
import type { WholeEngine } from "../engine/engine.ts";
import { isGone, leftSkewed } from "../engine/set/failure.ts";
import { injectAll } from "../engine/set/inject.ts";
import type { ProcessSet } from "../engine/set/process-set.ts";
import { nothingDone } from "../engine/set/recover.ts";
import { type ErrorCode, TimeskewError } from "../errors.ts";
import type { VerbTexts } from "../skew/verbs.ts";
import type { Selected } from "../target/select.ts";
import type { InjectResult, RecoverResult, SessionSettings, SkewSettings } from "../types.ts";
import { failed, Missed } from "./failed.ts";
import { patiently } from "./patience.ts";
import { RECOVERY_KEYS, type RecoverySettings, readRecovery, recoverSet } from "./recover.ts";
import {
  CLOCK_KEYS,
  type ClockSettings,
  readSkew,
  readStop,
  type SomeVerb,
  type StopSettings,
  VERB_KEYS,
} from "./settings.ts";
import { checkKeys } from "./values.ts";

/** What takes the place of a skew. Verbs are not carried over; what is not said of the clocks is. */
export type ChangeOptions = SomeVerb & ClockSettings & StopSettings;

/**
 * A skew that `inject()` made: the processes that have it, and whatever they have forked since.
 *
 * Calls of one injection wait for each other. A process that has ended, or that somebody else has recovered or skewed anew,
 * is not this injection's any more: nothing here touches it, and that is no error.
 */
export interface Injection extends AsyncDisposable {
  /** Of the skew: 16 hex digits, as `status()` and `timeskew status` show it. A change has a new one. */
  readonly id: string;
  /** What the selectors came to, in the order given. */
  readonly selection: readonly Selected[];
  /** What was done to each process that is skewed, by the last `inject()` or `change()`. */
  readonly targets: readonly InjectResult[];
  /** With `partial: "keep"`: why each of the others could not be skewed. Else empty. */
  readonly failures: readonly TimeskewError[];
  /**
   * Replaces the skew, without a stop; without a jump as well, unless `offset` or `at` asks for one.
   *
   * @returns what was done to each
   * @throws TimeskewError E_NO_TARGET if nobody has the skew any more, else as `inject()`; who could not be changed keeps
   *   what he had
   */
  change(options: ChangeOptions): Promise<readonly InjectResult[]>;
  /**
   * Gives the true time back to whoever has this skew. A second call finds nobody.
   *
   * @param options default: as the injection was asked (`allowBackwardMonotonic`, `stopTimeoutMs`)
   * @returns what was done to each
   * @throws TimeskewError E_BACKWARD_MONOTONIC where a monotonic clock would go back and that was not permitted: the
   *   process stays skewed (`glide` brings it back slowly); or whatever else kept a process from being recovered. Of several
   *   E_SOME_FAILED, or their common code, with the `failures`; the others are recovered.
   */
  recover(options?: RecoverySettings): Promise<readonly RecoverResult[]>;
  /** As `recover()`: for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface Made {
  readonly set: ProcessSet;
  readonly skew: SkewSettings;
  readonly session: SessionSettings;
  /** From before the first process was touched, as `WholeEngine.ticksNow`. */
  readonly since: bigint;
}

/** A process with no clock of this kind any more: it runs another program. */
const OTHER_PROGRAM: readonly ErrorCode[] = ["E_NO_VDSO", "E_NOT_64BIT", "E_KERNEL_THREAD"];

export class SkewOfSet implements Injection {
  readonly #engine: WholeEngine;
  readonly #made: Made;
  /** Of this skew, and of those that it had before. */
  readonly #ids = new Set<string>();
  /** Whoever was worked on. */
  readonly #known = new Set<number>();
  /** What was said last of clocks and stops; a recovery goes by it, and a change that says nothing of them. */
  #terms: Omit<SkewSettings, keyof VerbTexts> & SessionSettings;
  #id = "";
  #targets: readonly InjectResult[] = [];
  #failures: readonly TimeskewError[] = [];
  #last: Promise<unknown> = Promise.resolve();

  constructor(engine: WholeEngine, made: Made) {
    this.#engine = engine;
    this.#made = made;
    this.#terms = { ...termsIn(made.skew), ...made.session };
  }

  get id(): string {
    return this.#id;
  }

  get selection(): readonly Selected[] {
    return this.#made.set.selected;
  }

  get targets(): readonly InjectResult[] {
    return this.#targets;
  }

  get failures(): readonly TimeskewError[] {
    return this.#failures;
  }

  /** Skews everybody who is meant. @returns why it could not be done to some, or to anybody */
  async begin(): Promise<readonly TimeskewError[]> {
    const { set, skew } = this.#made;
    this.#failures = (await this.#bring(set, { ...skew, ...this.#terms })).failures;
    return this.#failures;
  }

  change(options: ChangeOptions): Promise<readonly InjectResult[]> {
    return this.#inTurn(async () => {
      const passed = checkKeys(options, [...VERB_KEYS, ...CLOCK_KEYS, "stopTimeoutMs"], "change()");
      const given = { ...readSkew(passed), ...readStop(passed) };
      const settings = { ...this.#terms, ...given, skews: new Set(this.#ids) };
      const { done, failures } = await this.#bring(this.#carriers(), settings);
      if (done > 0) this.#terms = { ...this.#terms, ...termsIn(given), ...readStop(passed) };
      const error = failed(done, failures);
      if (error !== undefined) throw error;
      return this.#targets;
    });
  }

  recover(options: RecoverySettings = {}): Promise<readonly RecoverResult[]> {
    return this.#inTurn(() => this.giveBack(options));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.recover();
  }

  /** As `recover`, without waiting for its turn. */
  async giveBack(options: RecoverySettings = {}): Promise<readonly RecoverResult[]> {
    const { clocks: _, exact: __, waits: ___, ...asked } = this.#terms;
    const settings = { ...asked, ...readRecovery(checkKeys(options, RECOVERY_KEYS, "recover()")) };
    const results = await recoverSet(this.#recovering(), this.#carriers(), settings, this.#ids);
    return results.filter(({ action }) => action !== "nothing");
  }

  /** @returns to how many it could be done, and why not to the others */
  async #bring(
    set: ProcessSet,
    settings: SkewSettings & SessionSettings & { skews?: ReadonlySet<string> },
  ): Promise<{ done: number; failures: readonly TimeskewError[] }> {
    const joint = this.#engine.joint(settings);
    const missed = new Missed();
    this.#ids.add(joint.id);
    const tally = await injectAll(set, joint, {
      work: (pid) => {
        this.#known.add(pid);
        return patiently(() => joint.inject(pid));
      },
      gaveUp: missed.gaveUp,
    });
    if (tally.results.length > 0) {
      this.#id = joint.id;
      this.#targets = tally.results;
    }
    const failures = missed.failuresOf(tally);
    const done = tally.results.length;
    if (done > 0 || failures.length > 0) return { done, failures };
    const message = `${set.words ?? "the processes"}: all of them have ended, or have another skew`;
    return { done, failures: [new TimeskewError("E_NO_TARGET", message)] };
  }

  /** Whoever has this skew now, or a part of it. */
  #carriers(): ProcessSet {
    const { set, since } = this.#made;
    return {
      ...set,
      named: new Set<number>(),
      list: async () => {
        if (this.#known.size === 0) return [];
        const known: number[] = [];
        for (const pid of this.#known) if (await this.#isOurs(pid)) known.push(pid);
        return [...new Set([...known, ...(await this.#engine.carriersSince(this.#ids, since))])];
      },
    };
  }

  async #isOurs(pid: number): Promise<boolean> {
    try {
      const [row] = (await this.#engine.status({ pids: [pid] })).rows;
      return row?.skew === undefined ? row?.state === "partial" : this.#ids.has(row.skew.id);
    } catch (error) {
      return !isOver(error); // what else it is, whoever works on it will be told
    }
  }

  /** To fail to recover is to leave it skewed; and what has ended needs no recovery. */
  #recovering(): WholeEngine {
    const engine = this.#engine;
    const ids = this.#ids;
    return {
      ...engine,
      recover: async (o) => {
        try {
          const result = await patiently(() => engine.recover(o));
          if (result.action === "gliding" && result.skew !== undefined) ids.add(result.skew.id);
          return result;
        } catch (error) {
          if (isOver(error)) return nothingDone(o.pid, "?");
          throw error instanceof TimeskewError ? leftSkewed(error) : error;
        }
      },
    };
  }

  #inTurn<R>(work: () => Promise<R>): Promise<R> {
    const turn = this.#last.then(work, work);
    this.#last = turn;
    return turn;
  }
}

function isOver(error: unknown): boolean {
  if (isGone(error)) return true;
  return error instanceof TimeskewError && OTHER_PROGRAM.includes(error.code);
}

/** What is no verb. */
function termsIn(o: SkewSettings): Omit<SkewSettings, keyof VerbTexts> {
  const { clocks, exact, allowBackwardMonotonic, waits } = o;
  return {
    ...(clocks !== undefined && { clocks }),
    ...(exact !== undefined && { exact }),
    ...(allowBackwardMonotonic !== undefined && { allowBackwardMonotonic }),
    ...(waits !== undefined && { waits }),
  };
}
