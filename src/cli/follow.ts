/**
 * `inject --follow`: a set has the skew for as long as the command stays, with whatever its processes start, and whoever
 * comes to belong to it.
 */
import type { Following, FollowNews } from "../engine/follow.ts";
import type { Joint } from "../engine/joint.ts";
import { asTargetError } from "../engine/set/failure.ts";
import type { ProcessSet } from "../engine/set/process-set.ts";
import type { SessionSettings, SkewSettings } from "../types.ts";
import type { Outcome, Session } from "./command.ts";
import type { Engine } from "./engine.ts";
import { HINT, interruptedAgain, sayThatWeWait } from "./hold.ts";
import { injectSet, type SetInjection, setExtra } from "./inject-set.ts";
import type { Interrupts } from "./interrupts.ts";
import type { LiveLines } from "./live-lines.ts";
import { annalsAsJson, annalsWords, failureLine, followLine } from "./report/follow.ts";
import { undoCommand } from "./report/undo.ts";
import { watchLines } from "./report/watch.ts";
import { concluded, recoverRest, recoveryOf } from "./stay-set.ts";
import { type Ending, LOOK_MS, look, napFor, REDRAW_MS, type Sight } from "./watch.ts";

export interface SetFollow {
  readonly session: Session;
  readonly engine: Engine;
  /** Caught since before the first target was touched. */
  readonly interrupts: Interrupts;
  readonly set: ProcessSet;
  readonly skew: SkewSettings;
  readonly settings: { allowBackwardMonotonic?: boolean } & SessionSettings;
}

/** How often it is looked who has come from outside, and how much of the time that may take: one part of so many. */
const WATCH_MS = 10;
const SHARE = 5;
/** How often it is looked whether it is over where nobody can come from outside. */
const WAIT_MS = 50;
/** So many processes have lines of their own; of more, the first one's stands for all. */
const MOST_LINES = 8;
/** So many failures are told one by one: a script may start thousands of programs. */
const MOST_FAILURES = 10;

/**
 * Skews all of a set, follows it until its skew is over, or nobody is left, or until Ctrl-C, SIGTERM or SIGHUP, and gives
 * everybody the true time back before anybody is let go.
 */
export async function followSet(o: SetFollow): Promise<Outcome> {
  const { session, engine, settings } = o;
  const events = new Events(session);
  const joint = engine.joint({ ...o.skew, ...settings });
  const following = engine.follow({
    ...(settings.allowBackwardMonotonic && { allowBackwardMonotonic: true }),
    tell: (news) => events.tell(news),
  });
  try {
    const injection = await injectSet(session, engine, o.set, settings, joining(joint, following, events));
    const { tally } = injection;
    if (tally.results.length === 0) return { targets: tally.targets, error: tally.error };
    sayThatWeWait(session);
    return await stayAndLeave(o, injection, following, events);
  } finally {
    following.end();
  }
}

/** Whatever goes wrong meanwhile, everybody gets the true time back. */
async function stayAndLeave(
  o: SetFollow,
  injection: SetInjection,
  following: Following,
  events: Events,
): Promise<Outcome> {
  let ending: Ending = "interrupted";
  let outcome: Outcome;
  try {
    ending = await stay(o, injection, following, events);
  } finally {
    following.rest();
    outcome = await leave(o, injection, { following, events, ending });
  }
  return outcome;
}

/** Seizes each member before it is skewed; programs that are started meanwhile begin together with the others. */
function joining(joint: Joint, following: Following, events: Events): Joint {
  const members = new Set<number>();
  events.onSkewed = (pid) => {
    if (members.has(pid)) return;
    joint.inject(pid).catch((thrown) => {
      const error = asTargetError(thrown, pid, true);
      events.tell({ kind: "failed", pid, command: "?", how: "exec", error });
    });
  };
  return {
    id: joint.id,
    inject: async (pid) => {
      following.seize(pid);
      const result = await joint.inject(pid);
      members.add(pid);
      following.note(pid);
      return result;
    },
    begin: async (meanwhile) => {
      const begun = await joint.begin(meanwhile);
      for (const pid of members) following.note(pid);
      events.onSkewed = undefined;
      return begun;
    },
  };
}

/** What happens to those who are followed: counted, and told as far as somebody has to know. */
class Events {
  programs = 0;
  newcomers = 0;
  readonly failures: (FollowNews & { kind: "failed" })[] = [];
  readonly live: LiveLines | undefined;
  onSkewed: ((pid: number) => void) | undefined;
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
    this.live = session.ui.live();
  }

  tell(news: FollowNews): void {
    if (news.how === "exec") this.programs++;
    else this.newcomers++;
    if (news.kind === "failed") this.#failed(news);
    else this.onSkewed?.(news.pid);
  }

  #failed(news: FollowNews & { kind: "failed" }): void {
    this.failures.push(news);
    if (this.failures.length <= MOST_FAILURES) this.say([failureLine(news)]);
    else if (this.failures.length === MOST_FAILURES + 1)
      this.say(["timeskew: … further ones are counted only"]);
  }

  say(lines: readonly string[]): void {
    this.live?.clear();
    this.#session.ui.error(lines);
  }
}

/** Watches for newcomers until it is over. */
async function stay(
  { session, engine, interrupts, set }: SetFollow,
  { tally }: SetInjection,
  following: Following,
  events: Events,
): Promise<Ending> {
  let isEmpty = false;
  void following.empty.then(() => {
    isEmpty = true;
  });
  const newcomers = new Newcomers(tally.outcomes.keys());
  let untilLook = 0;
  let cost = 0;
  try {
    for (;;) {
      if (interrupts.count > 0) return "interrupted";
      if (isEmpty && !set.lasts) return "gone";
      const began = performance.now();
      const pids = await set.list();
      cost = leastOfLate(cost, performance.now() - began);
      for (const pid of newcomers.among(pids)) following.add(pid);
      if (untilLook <= 0) {
        const sights = await Promise.all(pids.slice(0, MOST_LINES).map((pid) => look(engine, pid)));
        if (isOver(sights)) return "over";
        draw(session, set, pids.length, sights, events);
        untilLook = napFor(sights, events.live ? REDRAW_MS : LOOK_MS);
      }
      const nap = Math.max(set.lasts ? WATCH_MS : WAIT_MS, Math.round(cost * (SHARE - 1)));
      await interrupts.sleep(nap);
      untilLook -= nap;
    }
  } finally {
    events.live?.clear();
  }
}

/** What a machine takes that has nothing else to do: that it is busy is no reason to look less often. */
function leastOfLate(least: number, latest: number): number {
  return Math.min(latest, least * 1.1 + 0.1);
}

/** Each process once, as long as it is there. */
class Newcomers {
  #known: ReadonlySet<number>;

  constructor(known: Iterable<number>) {
    this.#known = new Set(known);
  }

  among(pids: readonly number[]): number[] {
    const fresh = pids.filter((pid) => !this.#known.has(pid));
    this.#known = new Set(pids);
    return fresh;
  }
}

/** Whether the duration of all of them is over for good. */
function isOver(sights: readonly Sight[]): boolean {
  const rows = sights.flatMap(({ row }) => (row?.skew ? [row] : []));
  return rows.length > 0 && rows.every(({ state }) => state === "ended");
}

function draw(
  { ui, world }: Session,
  { words }: ProcessSet,
  count: number,
  sights: readonly Sight[],
  events: Events,
): void {
  const { live } = events;
  const skewed = sights.filter(({ row }) => row?.skew !== undefined);
  const lines = watchLines(count > MOST_LINES ? skewed.slice(0, 1) : sights, world.now(), live?.columns ?? 0);
  const summary = { words: words ?? "these processes", count, annals: events, hint: HINT };
  live?.draw([...lines, followLine(summary, ui.paintError)]);
}

/** Gives everybody the true time back: the set, and who has left it since. */
async function leave(
  { session, engine, interrupts, set, settings }: SetFollow,
  injection: SetInjection,
  { following, events, ending }: { following: Following; events: Events; ending: Ending },
): Promise<Outcome> {
  const { ui, world } = session;
  const everybody = {
    session,
    engine,
    interrupts,
    command: "inject",
    set: {
      ...set,
      list: async () => [...new Set([...(await set.list()), ...following.members()])],
      named: new Set<number>(),
    },
    isOurs: () => true,
    refuse: (pid: number) => (interrupts.count > 1 ? interruptedAgain(pid) : undefined),
    settings,
  };
  const recovered = await recoverRest(everybody, recoveryOf(everybody, new Map(), []));
  const { tally, skewId } = injection;
  const endings = new Map<number, Ending>([
    ...[...tally.outcomes.keys()].map((pid) => [pid, "gone"] as const),
    ...[...recovered.outcomes.keys()].map((pid) => [pid, ending] as const),
  ]);
  const { left, extra, ...outcome } = concluded(everybody, tally, endings, recovered);
  ui.success([ui.paint.dim(`  ${annalsWords(events)}`)]);
  const told = { ...setExtra(injection), ...extra, followed: annalsAsJson(events) };
  if (left.length === 0) return { ...outcome, extra: told };
  const undo = undoCommand(tally.results, world, { flags: ["--skew", skewId] });
  ui.error([`  undo: ${ui.paintError.bold(undo)}`]);
  return { ...outcome, extra: { ...told, undo } };
}
