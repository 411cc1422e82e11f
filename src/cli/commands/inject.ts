/** `timeskew inject`: gives each target a wrong clock and ends with the command that undoes it. */
import { TimeskewError } from "../../errors.ts";
import type { ClockName } from "../../skew/clock.ts";
import { checkClocks } from "../../skew/verbs.ts";
import type { InjectResult, SessionSettings, SkewSettings } from "../../types.ts";
import type { CommandSpec, Outcome, Session } from "../command.ts";
import type { Engine } from "../engine.ts";
import { backwardOption, clockOptions, type Flags, sessionOptions, targetOptions } from "../flags.ts";
import { holdSkew } from "../hold.ts";
import { catchInterrupts } from "../interrupts.ts";
import { dryRunLines, injectLines, lateLines } from "../report/inject.ts";
import { undoCommand } from "../report/undo.ts";
import {
  backwardSettings,
  clockSettings,
  pids,
  sessionSettings,
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
    ["sudo timeskew inject -p 1234,1240 --offset 1h30m", "two processes"],
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
    backwardOption(clockOptions(command)).option(
      "--no-waits",
      "leave its system calls alone: timed waits will be wrong",
    );
    command
      .optionsGroup("Session:")
      .option("--wait", "stay, show both times, and recover on Ctrl-C, SIGTERM or when it is over")
      .option("--dry-run", "print what would be done, and change nothing");
    sessionOptions(command);
  },
  async run(session, flags) {
    const request = requestOf(flags, session.world);
    const engine = await session.world.loadEngine();
    if (flags.dryRun) return dryRun(session, engine, request);
    return flags.wait ? whileWaiting(session, engine, request) : once(session, engine, request);
  },
};

interface Request {
  readonly targets: readonly number[];
  readonly skew: SkewSettings;
  /** For each session with a target, the recovery's included. */
  readonly settings: { allowBackwardMonotonic?: boolean } & SessionSettings;
  /** A monotonic clock that may be ahead at some moment, if the skew begins at this offset (ns). */
  aheadFrom(offset: bigint): ClockName | undefined;
}

/** Everything that can be wrong with the command line by itself is found here. */
function requestOf(flags: Flags, world: World): Request {
  const targets = pids(flags);
  const { texts, verbs } = givenVerbs(flags, "inject", world);
  const clocks = clockSettings(flags);
  checkClocks(verbs, clocks.selection);
  const request = {
    targets,
    skew: { ...texts, ...clocks.settings, ...waitSettings(flags), ...backwardSettings(flags) },
    settings: { ...backwardSettings(flags), ...sessionSettings(flags) },
    aheadFrom: (offset: bigint) => getsAhead(verbs, clocks.selection, offset, world.now()),
  };
  if (flags.wait && flags.dryRun) {
    throw usageError("--wait and --dry-run exclude each other", "leave one of them out");
  }
  if (flags.wait && !flags.allowBackwardMonotonic) refuseUnrecoverable(request.aheadFrom(0n));
  return request;
}

/** Recovering from a step forward is a step back; that is better refused now than at the end. */
function refuseUnrecoverable(clock: ClockName | undefined): void {
  if (clock === undefined) return;
  throw new TimeskewError(
    "E_BACKWARD_MONOTONIC",
    `--wait would have to take ${clock} back in the end, which no kernel does; programs abort or hang on it`,
    {
      hint:
        "leave --wait out, and let `timeskew recover --glide` bring it back slowly; " +
        "or add --allow-backward-monotonic if a step back is what you want to test",
    },
  );
}

/** The command ends, the skew goes on. */
async function once(session: Session, engine: Engine, request: Request): Promise<Outcome> {
  const { ui, world } = session;
  const { results, targets, error } = await injectAll(session, engine, request);
  if (results.length === 0) return { targets, error };
  const ahead = results.some(
    ({ skew, previous }) => skew.profile && request.aheadFrom(previous?.offset ?? 0n) !== undefined,
  );
  const undo = undoCommand(results, world, ahead);
  ui.success([`  undo: ${ui.paint.bold(undo)}`]);
  return { targets, error, extra: { undo } };
}

/** The skew lasts as long as the command. */
async function whileWaiting(session: Session, engine: Engine, request: Request): Promise<Outcome> {
  using interrupts = catchInterrupts(session.world);
  const tally = await injectAll(session, engine, request);
  return await holdSkew(
    { session, engine, interrupts, command: "inject", settings: request.settings },
    tally,
  );
}

function injectAll(
  session: Session,
  engine: Engine,
  { targets, skew, settings }: Request,
): Promise<Tally<InjectResult>> {
  const { ui } = session;
  return eachTarget(session, targets, {
    command: "inject",
    changes: true,
    work: (pid) => ui.working(`skewing pid ${pid}`, () => engine.inject({ pid, ...skew, ...settings })),
    done: (result) => {
      ui.success(injectLines(result, ui.paint));
      ui.note(lateLines(result));
    },
  });
}

async function dryRun(session: Session, engine: Engine, request: Request): Promise<Outcome> {
  const { ui } = session;
  const { targets, error } = await eachTarget(session, request.targets, {
    command: "inject",
    changes: false,
    work: (pid) => engine.planInjection({ pid, ...request.skew }),
    done: (result) => {
      const plan = result.plan ? engine.describePlan(result.plan) : [];
      ui.result(dryRunLines(result, plan, ui.paint));
    },
    entry: ({ plan, ...result }) => ({ ...result, plan: plan && engine.planAsJson(plan) }),
  });
  return { targets, error, extra: { dryRun: true } };
}
