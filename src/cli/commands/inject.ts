/** `timeskew inject`: gives each target a wrong clock and ends with the command that undoes it. */
import { onlyPid, type ProcessSet } from "../../engine/set/process-set.ts";
import { TimeskewError } from "../../errors.ts";
import type { ClockName } from "../../skew/clock.ts";
import { checkClocks } from "../../skew/verbs.ts";
import type { Selector } from "../../target/select.ts";
import type { InjectResult, SessionSettings, SkewSettings } from "../../types.ts";
import type { CommandSpec, Outcome, Session } from "../command.ts";
import type { Engine } from "../engine.ts";
import { addFlags } from "../flag.ts";
import { clockOptions, effectOptions, type Flags, sessionOptions, targetOptions } from "../flags.ts";
import { followSet } from "../follow.ts";
import { holdSkew, holdSkewOfSet } from "../hold.ts";
import { dryRunSet, injectSet, setExtra } from "../inject-set.ts";
import { catchInterrupts } from "../interrupts.ts";
import { setOf } from "../members.ts";
import { dryRunLines, injectLines, lateLines } from "../report/inject.ts";
import { undoCommand } from "../report/undo.ts";
import {
  backwardSettings,
  clockSettings,
  sessionSettings,
  targetsOf,
  usageError,
  waitSettings,
} from "../settings.ts";
import { eachTarget, type Tally } from "../targets.ts";
import { getsAhead, givenVerbs, verbOptions } from "../verbs.ts";
import type { World } from "../world.ts";

export const inject: CommandSpec = {
  name: "inject",
  summary: "give running processes a wrong clock",
  description:
    "Gives running processes a wrong clock; everything else on the machine keeps the right one. " +
    "Injecting again replaces the skew, without a stop, and without a jump unless --offset or --at asks for one.",
  examples: [
    ["sudo timeskew inject -p 1234 --offset -10m", "ten minutes back"],
    ["sudo timeskew inject --container web --offset 1h30m", "a container"],
    ["sudo timeskew inject -p 1234 --tree --offset -10m", "and its children"],
    ["sudo timeskew inject -p 1234 --offset 2s -c monotonic", "another clock"],
    ["sudo timeskew inject -p 1234 --at 2038-01-19T03:14:00Z", "another date"],
    ["sudo timeskew inject -p 1234 --drift 200ppm", "a bad quartz"],
    ["sudo timeskew inject -p 1234 --rate 0.5 --duration 1m", "for a minute"],
    ["sudo timeskew inject -p 1234 --slew 5s --over 10m", "as NTP would"],
    ["sudo timeskew inject -p 1234 --jitter 20ms --seed 7", "random offsets"],
    ["sudo timeskew inject -p 1234 --strobe 200ms --period 1s", "forth and back"],
    ["sudo timeskew inject -p 1234 --leap insert --wait", "until Ctrl-C"],
    ["sudo timeskew inject -p 1234 --offset -10m --dry-run", "show the plan"],
  ],
  options(command) {
    targetOptions(command);
    verbOptions(command);
    effectOptions(clockOptions(command));
    addFlags(command, "Session:", [
      ["--wait", "stay, show both times, and recover on Ctrl-C, SIGTERM or when it is over"],
      ["--follow", "as --wait, and skew whatever they start, and whoever comes to belong to them"],
      ["--dry-run", "print what would be done, and change nothing"],
    ]);
    sessionOptions(command);
  },
  async run(session, flags) {
    const request = requestOf(flags, session.world);
    const engine = await session.world.loadEngine();
    if (flags.follow) return follow(session, engine, request);
    const pid = onlyPid(request.selectors);
    if (pid === undefined) {
      const set = await setOf(session, engine, request.selectors);
      if (flags.dryRun) return dryRunSet(session, engine, set, request.skew);
      return flags.wait ? holdSet(session, engine, set, request) : onceSet(session, engine, set, request);
    }
    if (flags.dryRun) return dryRun(session, engine, pid, request);
    return flags.wait ? hold(session, engine, pid, request) : once(session, engine, pid, request);
  },
};

interface Request {
  readonly selectors: readonly Selector[];
  readonly skew: SkewSettings;
  /** For each session with a target, the recovery's included. */
  readonly settings: { allowBackwardMonotonic?: boolean } & SessionSettings;
  /** A monotonic clock that may be ahead at some moment, if the skew begins at this offset (ns). */
  aheadFrom(offset: bigint): ClockName | undefined;
}

/** Everything that can be wrong with the command line by itself is found here. */
function requestOf(flags: Flags, world: World): Request {
  const selectors = targetsOf(flags);
  const { texts, verbs } = givenVerbs(flags, "inject", world);
  const clocks = clockSettings(flags);
  checkClocks(verbs, clocks.selection);
  const request = {
    selectors,
    skew: { ...texts, ...clocks.settings, ...waitSettings(flags), ...backwardSettings(flags) },
    settings: { ...backwardSettings(flags), ...sessionSettings(flags) },
    aheadFrom: (offset: bigint) => getsAhead(verbs, clocks.selection, offset, world.now()),
  };
  const stays = flags.follow ? "--follow" : flags.wait ? "--wait" : undefined;
  if (stays !== undefined && flags.dryRun) {
    throw usageError(`${stays} and --dry-run exclude each other`, "leave one of them out");
  }
  if (stays !== undefined && !flags.allowBackwardMonotonic) refuseUnrecoverable(stays, request.aheadFrom(0n));
  return request;
}

/** Recovering from a step forward is a step back; that is better refused now than at the end. */
function refuseUnrecoverable(stays: string, clock: ClockName | undefined): void {
  if (clock === undefined) return;
  throw new TimeskewError(
    "E_BACKWARD_MONOTONIC",
    `${stays} would have to take ${clock} back in the end, which no kernel does; programs abort or hang on it`,
    {
      hint:
        `leave ${stays} out, and let \`timeskew recover --glide\` bring it back slowly; ` +
        "or add --allow-backward-monotonic if a step back is what you want to test",
    },
  );
}

/** The command ends, the skew goes on. */
async function once(session: Session, engine: Engine, pid: number, request: Request): Promise<Outcome> {
  const { results, targets, error } = await injectOne(session, engine, pid, request);
  if (results.length === 0) return { targets, error };
  return { targets, error, extra: { undo: tellUndo(session, results, request) } };
}

async function onceSet(
  session: Session,
  engine: Engine,
  set: ProcessSet,
  request: Request,
): Promise<Outcome> {
  const injection = await injectSet(session, engine, set, { ...request.skew, ...request.settings });
  const { results, targets, error } = injection.tally;
  const extra = setExtra(injection);
  if (results.length === 0) return { targets, error, extra };
  return { targets, error, extra: { ...extra, undo: tellUndo(session, results, request, set) } };
}

/** @returns the command that takes it back */
function tellUndo(
  { ui, world }: Session,
  results: readonly InjectResult[],
  { aheadFrom }: Request,
  set?: ProcessSet,
): string {
  const ahead = results.some(
    ({ skew, previous }) => skew.profile && aheadFrom(previous?.offset ?? 0n) !== undefined,
  );
  const undo = undoCommand(results, world, { ahead, ...(set?.words && { flags: set.flags }) });
  ui.success([`  undo: ${ui.paint.bold(undo)}`]);
  return undo;
}

/** The skew lasts as long as the command. */
async function hold(session: Session, engine: Engine, pid: number, request: Request): Promise<Outcome> {
  using interrupts = catchInterrupts(session.world);
  const tally = await injectOne(session, engine, pid, request);
  return await holdSkew(
    { session, engine, interrupts, command: "inject", settings: request.settings },
    tally,
  );
}

async function holdSet(
  session: Session,
  engine: Engine,
  set: ProcessSet,
  request: Request,
): Promise<Outcome> {
  using interrupts = catchInterrupts(session.world);
  const injection = await injectSet(session, engine, set, { ...request.skew, ...request.settings });
  const { extra, ...outcome } = await holdSkewOfSet(
    { session, engine, interrupts, command: "inject", settings: request.settings },
    injection,
  );
  return { ...outcome, extra: { ...setExtra(injection), ...extra } };
}

/** The same, and whatever they start, and whoever comes. */
async function follow(session: Session, engine: Engine, request: Request): Promise<Outcome> {
  using interrupts = catchInterrupts(session.world);
  const set = await setOf(session, engine, request.selectors);
  const { skew, settings } = request;
  return await followSet({ session, engine, interrupts, set, skew, settings });
}

function injectOne(
  session: Session,
  engine: Engine,
  pid: number,
  { skew, settings }: Request,
): Promise<Tally<InjectResult>> {
  const { ui } = session;
  return eachTarget(session, [pid], {
    command: "inject",
    changes: true,
    work: () => ui.working(`skewing pid ${pid}`, () => engine.inject({ pid, ...skew, ...settings })),
    done: (result) => {
      ui.success(injectLines(result, ui.paint));
      ui.note(lateLines(result));
    },
  });
}

async function dryRun(session: Session, engine: Engine, pid: number, { skew }: Request): Promise<Outcome> {
  const { ui } = session;
  const { targets, error } = await eachTarget(session, [pid], {
    command: "inject",
    changes: false,
    work: () => engine.planInjection({ pid, ...skew }),
    done: (result) => {
      const plan = result.plan ? engine.describePlan(result.plan) : [];
      ui.result(dryRunLines(result, plan, ui.paint));
    },
    entry: ({ plan, ...result }) => ({ ...result, plan: plan && engine.planAsJson(plan) }),
  });
  return { targets, error, extra: { dryRun: true } };
}
