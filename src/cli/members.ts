/**
 * One command over a set of processes: each on its own, one's failure no reason to leave the others out; and whoever comes
 * meanwhile, by listing again until nobody new is there.
 */
import { TimeskewError } from "../errors.ts";
import type { Selected, Selector } from "../target/select.ts";
import type { Session } from "./command.ts";
import type { Engine } from "./engine.ts";
import { errorAsJson } from "./report/error.ts";
import { failureLines } from "./report/failures.ts";
import { asTargetError, concernsAll, type Tally, verdict } from "./targets.ts";
import { isGone } from "./watch.ts";

/** The processes that a command is about. */
export interface ProcessSet {
  /** "container web (docker 3f2a91c07d1e)"; undefined where nothing but pids was said. */
  readonly words: string | undefined;
  /** What means the same on a command line. */
  readonly flags: readonly string[];
  readonly selected: readonly Selected[];
  /** Whether somebody may come to belong to it when nobody does any more. */
  readonly lasts: boolean;
  /** Pids that the user named: where such a process is not there, that is a failure. */
  readonly named: ReadonlySet<number>;
  list(): number[] | Promise<number[]>;
}

/** The one process that selectors name by its pid; undefined: a set is meant. */
export function onlyPid(selectors: readonly Selector[]): number | undefined {
  const [first, ...others] = selectors;
  return first?.kind === "pid" && others.length === 0 ? first.pid : undefined;
}

/**
 * What selectors mean just now.
 *
 * @throws TimeskewError as `Engine.select`; E_NO_TARGET for a set that is empty
 */
export async function processSet(
  { ui }: Session,
  engine: Engine,
  selectors: readonly Selector[],
): Promise<ProcessSet> {
  const selection = await ui.working("looking for processes", () => engine.select(selectors));
  const { words, flags, selected, lasts } = selection;
  const named = selectors.flatMap((each) => (each.kind === "pid" || each.kind === "tree" ? each.pid : []));
  const onlyPids = selectors.every(({ kind }) => kind === "pid");
  if (selection.list().length === 0) {
    throw new TimeskewError("E_NO_TARGET", `${words}: there are no processes`, {
      hint: "`timeskew status` lists the skewed ones",
    });
  }
  return {
    words: onlyPids ? undefined : words,
    flags,
    selected,
    lasts,
    named: new Set(named),
    list: () => selection.list(),
  };
}

export interface Work<R> {
  /** "inject": names the command in errors. */
  readonly command: string;
  /** Whether `work` may change a target: after an unexpected failure its state is then in doubt. */
  readonly changes: boolean;
  work(pid: number): Promise<R>;
  /** Whether there was something to do; if so, others may be there by now who need it, too. Default: no. */
  wasNeeded?(result: R): boolean;
  /** What the JSON report says of a success, if not the result as it is. */
  entry?(result: R): object;
}

export type MemberOutcome<R> = { readonly result: R } | { readonly error: TimeskewError };

export interface SetTally<R> extends Tally<R> {
  /** By pid, in the order of the targets. */
  readonly outcomes: ReadonlyMap<number, MemberOutcome<R>>;
  /** How many have ended meanwhile that nobody had named. */
  readonly ended: number;
}

/** Processes that come and go so fast that so many rounds do not reach them all are left to --follow. */
const MOST_ROUNDS = 100;
/** So often a process is tried that is being changed by others, or becomes another program while it is looked at. */
const MOST_TRIES = 3;

export class Members<R extends object> {
  readonly #session: Session;
  readonly #set: ProcessSet;
  readonly #work: Work<R>;
  readonly #tries = new Map<number, number>();
  readonly #again = new Set<number>();
  readonly #outcomes = new Map<number, MemberOutcome<R>>();
  #ended = 0;
  #gaveUp = false;

  constructor(session: Session, set: ProcessSet, work: Work<R>) {
    this.#session = session;
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
    this.#session.ui.note([
      `timeskew: new processes kept appearing for ${MOST_ROUNDS} rounds; some may have been missed`,
    ]);
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
   * Prints what failed, and sums up.
   *
   * @param counts whose result is worth telling; default: everybody's
   */
  conclude(counts: (result: R) => boolean = () => true): SetTally<R> {
    const { ui, world } = this.#session;
    const { command, entry } = this.#work;
    for (const pid of this.#again) if (isGone(this.#errorOf(pid))) this.#forget(pid);
    const results: R[] = [];
    const failures: TimeskewError[] = [];
    const targets: object[] = [];
    for (const [pid, outcome] of this.#outcomes) {
      if ("result" in outcome && !counts(outcome.result)) this.#outcomes.delete(pid);
      else if ("result" in outcome) {
        results.push(outcome.result);
        targets.push({ ok: true, ...((ui.json && entry?.(outcome.result)) || outcome.result) });
      } else {
        failures.push(outcome.error);
        targets.push({ pid, ok: false, error: errorAsJson(outcome.error) });
      }
    }
    ui.error(failureLines(failures, command, ui.paintError, world));
    const error = verdict(results.length, failures);
    if (error && targets.length > 1) ui.error([`timeskew: ${error.message}`]);
    return { results, targets, failures, error, outcomes: this.#outcomes, ended: this.#ended };
  }

  #errorOf(pid: number): unknown {
    const outcome = this.#outcomes.get(pid);
    return outcome !== undefined && "error" in outcome ? outcome.error : undefined;
  }
}
